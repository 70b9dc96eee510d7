"""The steps of Ratoon, one folder an image."""
