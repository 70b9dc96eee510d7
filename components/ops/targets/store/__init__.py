"""The model store: where a deployed model folder lies so that KServe can read it.

``<store>/<model>/<version>/`` holds the model folder and, written last, ``published.json``. The
scheme says how it is reached: ``s3://`` and ``gs://`` with the credentials of the environment,
``pvc://<claim>/…`` through the claim's mount, ``file:///…`` on a disk that all share.
"""

from components.ops.targets.store.location import locate_model
from components.ops.targets.store.publish import delete, publish, stored_digest

__all__ = ["delete", "locate_model", "publish", "stored_digest"]
