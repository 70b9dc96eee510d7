"""``git+https://…@branch#folder``: commits to a repository that a cluster follows (GitOps)."""
