"""``kserve://<namespace>``: one InferenceService a model, and the record of its rollouts.

Read in this order: ``target_uri`` (where), ``record`` (what is remembered), ``inference_service``
(the objects that follow from it), ``rollout_store`` (how both are written), ``status``, ``pods``
and ``cluster_view`` (what the cluster shows), ``target`` (the rollout itself).
"""
