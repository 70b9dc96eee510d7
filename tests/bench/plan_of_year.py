"""A plan of the flights as of October, whose labelled rows the months are judged on."""

import sys
from pathlib import Path

from components.ops.plan.run import PlanRequest, plan

if __name__ == "__main__":
    where = Path(sys.argv[1])
    target = f"local://{where}/serving"
    plan(PlanRequest("models/flights", "2013-10-02", target, "", "train", "bench"), where)
