"""Stands where pyfarmhash is not installed; TFDV imports it, and nothing measured here calls it."""
