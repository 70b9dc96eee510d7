"""Runs a compiled pipeline on a cluster, from the outside."""
