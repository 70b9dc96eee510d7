"""Deploys a model: stages a candidate beside the champion and validates its real server."""
