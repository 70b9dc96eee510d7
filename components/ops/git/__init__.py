"""Git as Ratoon uses it: bare, without a checkout, and closed to what a repository might run."""
