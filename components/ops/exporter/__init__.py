"""exporter: what the audit knows of each model, as metrics that alerts are made of."""
