"""The laptop runner: the compiled KFP pipeline of a cluster, on this machine."""
