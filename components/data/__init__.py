"""The image that reads, joins, checks and watches tables."""
