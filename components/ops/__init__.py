"""The image that plans, deploys, rolls out and schedules."""
