"""Validate: decides whether the examples of a plan may be trained on."""
