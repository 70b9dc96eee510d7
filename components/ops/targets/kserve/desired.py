"""Where what should serve is written down: a cluster's own objects, or a repository it follows."""

from collections.abc import Callable
from typing import Protocol

from components.ops.cluster.protocol import Object
from components.ops.targets.kserve.record import RolloutRecord

Change = Callable[[RolloutRecord], RolloutRecord]


class Desired(Protocol):
    """One model's record and the objects that follow from it."""

    def read(self) -> RolloutRecord | None:
        """The record; None: nothing was ever deployed here.

        Raises:
            InputError: It is damaged, or of another model.
        """

    def service(self) -> Object | None:
        """The InferenceService as it is written down now; None: there is none."""

    def change(self, change: Change, why: str) -> RolloutRecord:
        """Changes the record and makes the objects equal to what follows from it.

        Of two changes at once one is made first and the other is decided anew on what it left. A
        change that changes nothing still repairs the objects, so that a step that was killed
        between the two is finished by being run again.

        Args:
            change: From the record that stands to the one that should; it may raise to give up.
            why: What is done and by what evidence: a commit's message, or an annotation.

        Raises:
            ApiUnavailable: It could not be written in time.
        """
