"""Rolls a staged candidate out: a growing share of the traffic, then promoted or rolled back."""
