"""``python -m tests.fakes --folder build/fake-cluster``: a cluster to try Ratoon against.

``<folder>/env`` then holds the variables by which Ratoon finds it:
``set -a; . build/fake-cluster/env; set +a``.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import get_args

from tests.fakes.cluster import fake_cluster
from tests.fakes.kserve_controller import Mode


def main() -> None:
    """Runs until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for everything it writes")
    parser.add_argument("--mode", choices=get_args(Mode), default="knative")
    parser.add_argument("--crds", type=Path, help="a folder of CustomResourceDefinitions")
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with fake_cluster(options.folder, options.mode, options.crds) as running:
        lines = [f"{name}={value}\n" for name, value in running.environment.items()]
        (options.folder / "env").write_text("".join(lines), encoding="utf-8")
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        stopped.wait()
    (options.folder / "env").unlink()


if __name__ == "__main__":
    main()
