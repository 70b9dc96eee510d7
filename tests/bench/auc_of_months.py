"""AUC by month of our network beside LightGBM's; runs in the model image's environment."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import MODEL_CARD, SAVED_MODEL, ModelCard
from components.core.tasks import task_of
from components.model.saved_model import SavedModelRunner
from tests.bench.ledger import result


def main(model: Path, live: Path, theirs: Path) -> None:
    card = ModelCard.read(model / MODEL_CARD)
    files = sorted(live.rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(file) for file in files])
    ours = SavedModelRunner(model / SAVED_MODEL, card.columns).probability(table)
    peer = np.load(theirs, allow_pickle=False)
    label = table[card.label].to_numpy()
    months = np.array([str(v)[:7] for v in table[card.event_time].to_numpy().astype("M8[M]")])
    auc = task_of(card.task).metrics["auc"]
    for month in ("2013-07", "2013-08", "2013-09"):
        rows = months == month
        mine, other = auc(label[rows], ours[rows]), auc(label[rows], peer[rows])
        result(f"AUC of flights in {month}, LightGBM", mine, other, "", mine / other)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
