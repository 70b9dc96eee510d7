"""The Kubernetes API as steps use it."""
