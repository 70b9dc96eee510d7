"""How often drift is found where nothing changed and where something did, by seeded simulation."""

import numpy as np

from components.data.monitor.drift import (
    ColumnDistribution,
    NumberDistribution,
    compare_columns,
)

TOWNS = np.array([0.4, 0.3, 0.2, 0.1])
COLUMNS = 20


def world(random, rows, shift=0.0):
    """Half of the columns categories, half normal numbers; a shift moves the first of each."""
    columns = {}
    for index in range(COLUMNS // 2):
        moved = shift if index == 0 else 0.0
        shares = TOWNS + np.array([-moved, 0, 0, moved])
        counts = random.multinomial(rows, shares) / rows
        present = {str(i): float(c) for i, c in enumerate(counts) if c}
        columns[f"town_{index}"] = ColumnDistribution(0.0, present, rows)
        values = random.normal(4 * moved, 1, rows)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)))
        deciles = NumberDistribution(edges, np.linspace(0, 1, len(edges)))
        columns[f"size_{index}"] = ColumnDistribution(0.0, deciles, rows)
    return columns


def rates(rows, runs, shift=0.0, seed=0):
    """Shares of runs in which any column drifted by the rule, and by the distance alone."""
    random, found, by_distance = np.random.default_rng(seed), 0, 0
    for _ in range(runs):
        before, now = world(random, max(rows, 150)), world(random, rows, shift)
        compared = compare_columns(before, now, list(before), {})
        found += any(one.is_beyond for one in compared)
        by_distance += any(one.distance.value > one.threshold for one in compared)
    return found / runs, by_distance / runs
