"""HTML reports: one self-contained file each, of a few blocks and SVG charts without script."""
