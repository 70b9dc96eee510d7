"""The REST API of Kubeflow Pipelines, as steps and people use it."""
