"""Observe: the live predictions of a window, beside the labels that have arrived since."""
