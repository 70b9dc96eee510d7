"""An example: recorded time as live traffic, with the monitoring runs that fall due."""
