"""Schemas and statistics of tables: TFDV's kernels, anomalies, and how distributions differ."""
