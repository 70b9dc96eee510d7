"""What git means by what it says when it fails."""

import re
from enum import Enum


class Trouble(Enum):
    """What is wrong, by who can do something about it."""

    DENIED = "the credentials do not open it"
    NOT_THERE = "there is no such repository"
    NO_BRANCH = "it has no such branch or commit"
    OVERTAKEN = "another push came first"
    REFUSED = "its rules refuse the push"
    AWAY = "it does not answer"


# The first that matches counts: a refused push also says that it failed to push.
_SAYINGS = (
    (
        Trouble.DENIED,
        r"Authentication failed|could not read (Username|Password)|Access denied"
        r"|returned error: 40[13]|Permission to .* denied|Permission denied"
        r"|insufficient permission|unable to create [^\n]*object"
        # A private repository that is asked for without the right secret is not shown at all.
        r"|https://[^\n]* not found",
    ),
    (
        Trouble.OVERTAKEN,
        r"\[rejected\]|stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref"
        r"|incorrect old value|reference already exists",
    ),
    (Trouble.REFUSED, r"\[remote rejected\]|hook declined|protected branch"),
    (
        Trouble.NO_BRANCH,
        r"couldn't find remote ref|Could not find remote branch|not our ref|unadvertised object",
    ),
    (Trouble.NOT_THERE, r"does not appear to be a git repository|file://[^\n]* does not exist"),
)


def trouble_of(said: str) -> Trouble:
    """What is wrong, from what git said in English; what is not known may pass."""
    for trouble, saying in _SAYINGS:
        if re.search(saying, said):
            return trouble
    return Trouble.AWAY
