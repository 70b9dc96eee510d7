"""``kserve://<namespace>``: one InferenceService a model, and the record of its rollouts.

The champion is the version that serves. A candidate is staged beside it, gets a share of the
traffic, and is then promoted to champion or rolled back. A record in a ConfigMap remembers this;
the InferenceServices follow from the record alone.

Read in this order: ``record`` (what is remembered), ``inference_service`` (the objects that follow
from it), ``rollout_store`` (how both are written), ``pods`` and ``cluster_view`` (what the cluster
shows), ``target`` (the rollout itself).
"""
