"""The two pipelines, how they are compiled, and how they run on a laptop."""
