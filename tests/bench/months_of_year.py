"""The labelled examples from July 2013 to the plan's end, whatever split they would lie in."""

import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.plan import Plan
from components.data.prepare.live import examples_from

if __name__ == "__main__":
    plan, live = Plan.of(Path(sys.argv[1])), Path(sys.argv[2])
    live.mkdir(parents=True, exist_ok=True)
    for span, rows in examples_from(plan, "2013-07"):
        known = rows.filter(pc.is_valid(rows[plan.spec.label.name]))
        pq.write_table(known, live / f"{span}.parquet")
