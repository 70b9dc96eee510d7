"""Fakes for what a cluster brings: kept to the real thing by the contract tests."""
