"""The one door to a Kubernetes API server, and what passes through it."""
