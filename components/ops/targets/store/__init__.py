"""The model store: where a promoted or staged model lies so that KServe can read it.

``<store>/<model>/<version>/`` holds the model folder and, written last, ``published.json``. The
scheme says how it is reached: ``s3://`` and ``gs://`` with the credentials of the environment,
``pvc://<claim>/…`` through the claim's mount, ``file:///…`` on a disk that all share.
"""

from components.ops.targets.store.fetch import fetch
from components.ops.targets.store.kept import digest_kept
from components.ops.targets.store.publish import publish, withdraw
from components.ops.targets.store.shelf import find_shelf

__all__ = ["digest_kept", "fetch", "find_shelf", "publish", "withdraw"]
