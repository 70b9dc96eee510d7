"""The gateway: one address for clients, which stays while the models behind it change."""
