"""``deployment.json``: a candidate that is staged and may be rolled out."""

from pathlib import Path

from components.core.artifacts import DEPLOYMENT, Record
from components.core.plan import Champion


class Deployment(Record):
    """What deploy hands to rollout.

    Attributes:
        target: Where it is staged.
        model: The model's name.
        version: Its version.
        uri: Where its published model folder is.
        digest: Digest of that folder.
        champion: What served when it was staged; None: nothing did.
        address: The URL that clients use.
    """

    target: str
    model: str
    version: str
    uri: str
    digest: str
    champion: Champion | None
    address: str | None

    @classmethod
    def of(cls, folder: Path) -> "Deployment":
        """Reads the deployment of a deployment artifact."""
        return cls.read(folder / DEPLOYMENT)
