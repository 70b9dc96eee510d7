"""Validate: whether the examples of a plan may be trained on, judged before anyone does."""
