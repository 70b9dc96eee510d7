"""The labelled examples of July to September 2013, whatever split they would lie in."""

import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core.plan import Plan
from components.data.prepare.examples import prepare_span
from components.data.prepare.primary import pieces
from components.data.prepare.run import read_external

if __name__ == "__main__":
    plan, live = Plan.of(Path(sys.argv[1])), Path(sys.argv[2])
    live.mkdir(parents=True, exist_ok=True)
    outside, _ = read_external(plan)
    for piece in pieces(plan):
        if piece.span.name in ("2013-07", "2013-08", "2013-09"):
            joinable = {one.name: one.rows_for(piece.span) for one in outside}
            rows = prepare_span(plan, piece.span, piece.rows(), joinable).examples
            known = rows.filter(pc.is_valid(rows[plan.spec.label.name]))
            pq.write_table(known, live / f"{piece.span.name}.parquet")
