"""Deploys a model: stages a candidate beside the champion and checks it in the real server."""
