"""The steps of Ratoon, one folder an image."""

__version__ = "0.1.0"
