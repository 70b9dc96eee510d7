"""The bounds of the buckets that latencies are counted in, where they are made and where read."""

# Bounds 10% apart from 0.1 ms to 100 s: a quantile is off by at most that.
BOUNDS_MS = tuple(round(0.1 * 1.1**step, 6) for step in range(146))
# A server exports a third of them, 33% apart, so that a reading of its metrics stays small.
SERVER_BOUNDS_MS = BOUNDS_MS[::3]
