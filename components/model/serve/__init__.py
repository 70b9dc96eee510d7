"""Serve: the KServe model server of a trained model, and its prediction log."""
