"""The KFP SDK's own client, its errors in our words."""

import contextlib
import io
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import urllib3
from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

from components.core.errors import InputError
from pipelines.submission.refusals import no_answer, refusal

DEFAULT_ENDPOINT = "http://localhost:8080"
TOKEN_PATH = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105
_NOBODY = "ratoon-asks-who-is-there"


def connect(endpoint: str, namespace: str) -> Any:
    """A client of a server that answered.

    Args:
        endpoint: The server's URL.
        namespace: Where runs belong to; empty where KFP has only one.

    Raises:
        InputError: The endpoint is no URL, or the server needs a namespace.
        ApiUnavailable: Nothing answers there.
        ApiRejected: It does not let the caller in.
    """
    if not re.match(r"https?://[^/]", endpoint):
        raise InputError("ENDPOINT", endpoint, f"a URL such as {DEFAULT_ENDPOINT}")
    with answering(endpoint, "healthz"):
        # With a namespace the client is made without a word to the server; without, it asks
        # five times for half a minute and does not say what it was answered.
        health = _client(endpoint, _NOBODY).healthzs.healthz_service_get_healthz()
        if health.multi_user and not namespace:
            accepted = "the namespace of your profile: this Kubeflow has several users"
            raise InputError("NAMESPACE", "nothing", accepted)
        return _client(endpoint, namespace)


@contextmanager
def answering(endpoint: str, asked: str) -> Iterator[None]:
    """Errors of ours for what the client raises, and none of its links between our lines.

    Raises:
        ApiUnavailable: There is no answer, or none that is of use yet.
        ApiRejected: The server refuses.
        InputError: The token cannot be read.
    """
    where = f"{endpoint}/apis/v2beta1/{asked}"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except kfp_server_api.ApiException as error:
        raise refusal(where, error.status, str(error.body or error.reason)) from error
    except urllib3.exceptions.HTTPError as error:
        raise no_answer(where, str(error)) from error
    except OSError as error:
        raise InputError(TOKEN_PATH, str(error), "a file that holds a token") from error


def _client(endpoint: str, namespace: str) -> Any:
    token = os.environ.get(TOKEN_PATH)
    if token and not Path(token).stat().st_size:  # the command that was to fill it failed
        raise OSError(f"{token} is empty")
    with warnings.catch_warnings():
        # It says of every server that it has to be KFP 2.
        warnings.simplefilter("ignore", FutureWarning)
        return kfp.Client(
            host=endpoint,
            namespace=namespace,
            credentials=ServiceAccountTokenVolumeCredentials(token) if token else None,
            ssl_ca_cert=os.environ.get("SSL_CERT_FILE"),
        )
