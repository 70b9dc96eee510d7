"""What is remembered of a model's rollouts beside its InferenceService."""

from typing import Literal

from components.core.artifacts import Record
from components.core.plan import Champion
from components.core.spec.operation import Serving
from components.ops.deploy.targets.protocol import Outcome


class Published(Record):
    """A version whose model folder is in the model store.

    Attributes:
        version: Its version.
        uri: Its folder in the store, as KServe reads it.
        digest: Digest of that folder.
        run: The run that deployed it.
        as_of: The instant that it was trained for (ISO).
        serving: How it serves: replicas, resources, the prediction log.
    """

    version: str
    uri: str
    digest: str
    run: str
    as_of: str
    serving: Serving

    def as_champion(self) -> Champion:
        """As the plan knows it."""
        return Champion(**self.model_dump(exclude={"serving"}))


class RolloutRecord(Record):
    """Everything that is remembered of a model; the wanted objects are a function of it alone.

    Attributes:
        format: Of this record.
        model: The model's name.
        champion: What serves.
        candidate: The rollout under way.
        share: The share of the traffic that the candidate gets.
        previous: Earlier champions, newest first.
        outcomes: How the last rollouts ended, newest first.
    """

    format: Literal[1] = 1
    model: str
    champion: Published | None = None
    candidate: Published | None = None
    share: float = 0.0
    previous: tuple[Published, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
