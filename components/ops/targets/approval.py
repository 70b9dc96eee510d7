"""What a person does who decides on a proposed version."""


def approval(target: str, model: str, version: str, audit: str | None) -> str:
    """The sentence: a command that promotes, and how it takes back instead.

    Args:
        target: The target's address.
        model: The model's name.
        version: The proposed version.
        audit: Where the decision is to be written down; None: nowhere.
    """
    where = f" --audit {audit}" if audit else ""
    return (
        f"python -m components.ops.rollout.approve '{target}' {model} {version}{where}"
        "  (or the same with --reject)"
    )
