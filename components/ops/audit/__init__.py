"""audit: from one prediction to everything that stands behind it."""
