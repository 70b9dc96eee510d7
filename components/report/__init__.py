"""HTML reports: one self-contained file each, built from a few blocks and SVG charts."""
