"""``python -m pipelines.cli``: the command in another image's environment."""

from pipelines.cli import main

main()
