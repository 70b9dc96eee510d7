"""The drift rule's promises: measured rates beside promised limits."""

from tests.bench.ledger import result
from tests.unit.data.monitor.drift_simulation import rates

RUNS = {3: 1_000, 50: 1_000, 200: 1_000, 1_500: 500, 10_000: 200, 100_000: 20}
MOST_FALSE, LEAST_FOUND, SHIFT = 0.05, 0.95, 0.3


def main() -> None:
    """Measures an unchanged world and a shifted one at every sample size; 1 or more: kept."""
    for rows, runs in RUNS.items():
        false, _ = rates(rows, runs, seed=rows)
        ratio = MOST_FALSE / max(false, 1 / (2 * runs))
        name = f"decisions: drift false alarms, {rows} rows"
        result(name, false, MOST_FALSE, "share", ratio)
    for rows in (200, 1_500, 10_000):
        found, _ = rates(rows, RUNS[rows] // 5, SHIFT, seed=rows)
        name = f"decisions: drift found, {rows} rows"
        result(name, found, LEAST_FOUND, "share", found / LEAST_FOUND)


if __name__ == "__main__":
    main()
