"""Observe: the live predictions of a window, with the labels that have arrived since."""
