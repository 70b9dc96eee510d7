"""Charts as SVG text: no script, no fonts, the same bytes for the same data."""
