"""The train step: a SavedModel with everything from raw columns to probability inside."""
