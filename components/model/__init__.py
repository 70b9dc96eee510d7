"""The image that trains, judges and serves models."""
