"""What an error says to the reader, for the words of Kubernetes 1.36."""

import pytest

from components.core.errors import ApiRejected
from components.ops.cluster.errors import ApiCall, api_error, is_missing_object
from components.ops.cluster.protocol import AlreadyExists, Conflict, Forbidden

PATCH = ApiCall("patch", "serving.kserve.io", "inferenceservices", "prod", "flights")
MAP = ApiCall("update", "", "configmaps", "prod", "flights-ratoon")


def status(code: int, reason: str, message: str, **details: object) -> dict[str, object]:
    said = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return {**said, "reason": reason, "details": details}


def cause(field: str, manager: str) -> dict[str, str]:
    said = f'conflict with "{manager}" using v1'
    return {"reason": "FieldManagerConflict", "field": field, "message": said}


@pytest.mark.parametrize(
    ("code", "said", "call", "kind", "words"),
    [
        (
            403,
            status(
                403,
                "Forbidden",
                'inferenceservices.serving.kserve.io "flights" is forbidden: User'
                ' "system:serviceaccount:prod:ratoon-deployer" cannot create resource'
                ' "inferenceservices" in API group "serving.kserve.io" in the namespace "prod"',
            ),
            PATCH,
            Forbidden,
            [
                "service account 'ratoon-deployer' of namespace 'prod' may not create",
                "- apiGroups: [serving.kserve.io]\n  resources: [inferenceservices]\n"
                "  verbs: [create]",
            ],
        ),
        (
            403,
            {"message": "<html>denied</html>"},
            MAP,
            Forbidden,
            ["our service account may not update configmaps", "- apiGroups: ['']", "[update]"],
        ),
        (
            409,
            status(409, "AlreadyExists", 'configmaps "a" already exists', name="a"),
            MAP,
            AlreadyExists,
            ["update configmaps prod/flights-ratoon: there is one of this name"],
        ),
        (
            409,
            status(
                409,
                "Conflict",
                "Apply failed with 2 conflicts",
                causes=[cause(".spec.a", "argocd"), cause(".spec.b", "kubectl")],
            ),
            PATCH,
            Conflict,
            [".spec.a (owned by 'argocd'); .spec.b (owned by 'kubectl')"],
        ),
        (
            409,
            status(409, "Conflict", "the object has been modified", name="flights-ratoon"),
            MAP,
            Conflict,
            ["it changed meanwhile; read it again"],
        ),
        (404, {"message": "404 page not found"}, PATCH, ApiRejected, ["inferenceservices.serving"]),
        (
            404,
            status(404, "NotFound", "the server could not find the requested resource"),
            PATCH,
            ApiRejected,
            ["CustomResourceDefinition 'inferenceservices.serving.kserve.io'"],
        ),
        (
            404,
            status(404, "NotFound", 'namespaces "prod" not found', name="prod", kind="namespaces"),
            MAP,
            ApiRejected,
            ["there is no namespace 'prod'"],
        ),
        (
            422,
            status(422, "Invalid", "spec.x: Required value"),
            PATCH,
            ApiRejected,
            ["refused by the API server (422): spec.x: Required value"],
        ),
        (401, status(401, "Unauthorized", "Unauthorized"), MAP, ApiRejected, ["know our token"]),
        (413, {}, MAP, ApiRejected, ["(413): nothing more was said"]),
    ],
)
def test_an_error_says_what_was_rejected_and_why(code, said, call, kind, words):
    error = api_error(code, said, call)
    assert type(error) is kind
    for one in words:
        assert one in str(error)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (status(404, "NotFound", "", name="flights-ratoon", kind="configmaps"), True),
        (status(404, "NotFound", "", name="flights-ratoon"), True),
        (status(404, "NotFound", "", name="prod", kind="namespaces"), False),
        (status(404, "NotFound", ""), False),
        ({"message": "404 page not found"}, False),
    ],
)
def test_a_missing_object_is_told_from_a_missing_kind(said, missing):
    assert is_missing_object(said, MAP) is missing
