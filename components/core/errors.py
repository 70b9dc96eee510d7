"""The errors of Ratoon, named by what the reader does next.

::

    RatoonError
    ├── InputError            fix the data or the spec
    ├── RunError              a step of a run failed: read its log
    └── ClusterError          the place that a model is deployed to
        ├── ApiUnavailable    try again
        ├── ApiRejected       fix the object or the rights
        └── DeadlineExceeded  look at the resource

A verdict is data and an exception is a run that could not reach one: bad data, a failed gate and
found drift are never exceptions.
"""


class RatoonError(Exception):
    """Base of every error that Ratoon raises on purpose."""


class InputError(RatoonError):
    """What a person wrote or supplied cannot be used.

    Args:
        where: The place, as the person knows it: ``models/flights/model.yaml: data.span``.
        given: What stands there.
        accepted: What would be accepted.
        do: What to do next; may be empty where `accepted` says it.
    """

    def __init__(self, where: str, given: object, accepted: str, do: str = "") -> None:
        self.where, self.given, self.accepted, self.do = where, given, accepted, do
        lines = [f"{where}: given {given!r}; accepted: {accepted}."]
        super().__init__(" ".join([*lines, do]) if do else lines[0])


class RunError(RatoonError):
    """A step ended without reaching a verdict."""


class ClusterError(RatoonError):
    """The place that a model is deployed to did not do what was asked."""


class ApiUnavailable(ClusterError):
    """It did not answer, or asked to be tried again."""


class ApiRejected(ClusterError):
    """It understood and refused."""


class DeadlineExceeded(ClusterError):
    """It accepted, but the wanted state was not reached in time."""
