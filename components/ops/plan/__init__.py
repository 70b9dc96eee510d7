"""plan: resolves a spec, a schema and an instant once into what every other step reads."""
