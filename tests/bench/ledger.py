"""Where results go: a line of JSON each, and a line for the reader."""

import json
import sys
from pathlib import Path

LEDGER = Path("build/bench.jsonl")


def result(name: str, ours: float, peer: float, unit: str, ratio: float) -> None:
    """Writes one result; a ratio above 1 means that ours is better."""
    line = {"name": name, "ours": ours, "peer": peer, "unit": unit, "ratio": round(ratio, 4)}
    LEDGER.parent.mkdir(parents=True, exist_ok=True)
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(line) + "\n")
    sys.stdout.write(f"{name:<44} ours {ours:>9.4g}  peer {peer:>9.4g} {unit:<8} {ratio:.3g}x\n")
    sys.stdout.flush()
