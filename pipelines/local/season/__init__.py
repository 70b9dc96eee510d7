"""A season: recorded time replayed as live traffic, with the monitoring runs that fall due."""
