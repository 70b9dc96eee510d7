"""Monitor: decides whether the model that serves is still the model that was proved good."""
