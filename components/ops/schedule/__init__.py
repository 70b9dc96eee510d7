"""schedule: keeps the recurring monitoring run equal to what the spec wants."""
