"""``git+https://…@branch#path``: a repository that a cluster follows."""
