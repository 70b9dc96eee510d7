"""``kserve://<namespace>``: an InferenceService and the record of its rollout."""
