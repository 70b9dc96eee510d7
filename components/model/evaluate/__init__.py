"""Evaluate: whether a challenger may take the champion's place."""
