"""The ``ratoon`` command.

Every command imports what it needs when it runs: the same command is installed beside a checkout's
environments and in the ops image, which has neither pandas nor the whole of kfp.
"""


def main() -> None:
    """Runs the command that `sys.argv` names, and exits."""
    from pipelines.cli.app import app

    app(prog_name="ratoon")
