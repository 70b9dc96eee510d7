"""What KFP's API answers in its errors, as sentences that say what to do."""

import json
import re

from components.core.errors import ApiRejected, ApiUnavailable, ClusterError

_RULE = re.compile(r"Verb:(\w+).*?Resource:(\w+)")
_FORWARD = (
    "Is the port forwarded? kubectl port-forward -n kubeflow svc/ml-pipeline 8888, then "
    "ENDPOINT=http://localhost:8888."
)
_SIGN_IN = (
    "Name the file of a token with audience pipelines.kubeflow.org by KF_PIPELINES_SA_TOKEN_PATH "
    "(kubectl create token <account> -n <namespace> --audience pipelines.kubeflow.org > token)."
)


def no_answer(where: str, said: str) -> ApiUnavailable:
    """Nothing answers, or not in time."""
    reason = said.rpartition(": ")[2].strip("\"')> ") or said
    return ApiUnavailable(f"{where}: no answer: {reason[-200:]}. {_FORWARD}")


def refusal(where: str, status: int, body: str) -> ClusterError:
    """An answer that is none.

    Args:
        where: What was asked.
        status: The HTTP status.
        body: What the server said.
    """
    said = f"{where}: {status}: {_message(body)}"
    if status == 429 or status >= 500:
        return ApiUnavailable(f"{said}. Try again later.")
    if status == 401:
        return ApiRejected(f"{said}. {_SIGN_IN}")
    if status == 403:
        return ApiRejected(f"{said}. {_missing(body)}")
    if status == 404 and where.endswith("/healthz"):
        return ApiRejected(f"{said}. There is no Kubeflow Pipelines at this address. {_FORWARD}")
    return ApiRejected(said)


def _missing(body: str) -> str:
    rule = _RULE.search(body)
    if rule is None:
        return "A policy of the mesh or the network may keep you from the API, or you need a token."
    return (
        f"You have no verb {rule[1]!r} on {rule[2]!r} of pipelines.kubeflow.org there: ask for the "
        "role kubeflow-edit in the namespace."
    )


def _message(body: str) -> str:
    try:
        read = json.loads(body)
    except ValueError:
        return " ".join(body.split())[:300]
    said = read.get("message") or read.get("error_message") if isinstance(read, dict) else None
    return str(said or read)[:600]
