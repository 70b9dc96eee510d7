"""Prepare: from the plan and the sources to examples, one Parquet file per span and split."""
