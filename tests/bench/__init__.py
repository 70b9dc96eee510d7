"""Ratoon beside the others, in one run on one machine; nothing here fails on a slow clock."""
