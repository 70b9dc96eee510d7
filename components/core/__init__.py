"""What every image shares: the spec, the plan, verdicts, artifacts, digests and errors."""
