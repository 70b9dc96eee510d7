"""Statistics of every flight: ours beside TFDV's own function for a data frame.

Runs in the data image's environment; both sides begin with the same data frame in memory.
``absent`` is on the path of this process and of the jobs that TFDV starts.
"""

import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import tensorflow_data_validation as tfdv

from components.data.schema.statistics import statistics_of
from tests.bench.ledger import result

ROUNDS = 3


def main(source: Path) -> None:
    files = sorted((source / "flights").glob("*.parquet"))
    frame = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    statistics_of(pa.Table.from_pandas(frame[:1000], preserve_index=False))  # loads the kernels
    ours = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        mine = statistics_of(table)
        ours.append(time.perf_counter() - began)
    frame["scheduled_departure"] = frame["scheduled_departure"].astype("int64")
    median = sorted(ours)[ROUNDS // 2]
    for jobs in (1, 2):
        began = time.perf_counter()
        theirs = tfdv.generate_statistics_from_dataframe(frame, n_jobs=jobs)
        peer = time.perf_counter() - began
        _agree(mine, theirs)
        name = f"statistics of {len(frame):,} flights, TFDV {jobs} job(s)"
        result(name, median, peer, "s", peer / median)


def _agree(mine: object, theirs: object) -> None:
    """Both must have counted the same before their seconds are compared."""
    counted = [
        {f.name or f.path.step[0]: _missing(f) for f in one.datasets[0].features}
        for one in (mine, theirs)
    ]
    if counted[0] != counted[1]:
        raise SystemExit(f"the statistics differ: {counted}")


def _missing(feature: object) -> int:
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats.num_missing


if __name__ == "__main__":
    main(Path(sys.argv[1]))
