import json
import random
import socket

import pytest
from serve_process import INFER, JSON, PREDICT, VERSION, expected, row, tensors

MARK = "do-not-print-me"


def without(name):
    return {key: value for key, value in row(1).items() if key != name}


def instances(*rows):
    return PREDICT, json.dumps({"instances": list(rows)}), JSON


def infer(inputs, **more):
    return INFER, json.dumps({"inputs": inputs} | more), JSON


REJECTED = {
    "malformed": ((PREDICT, '{"instances": [', JSON), 400, ["truncated"]),
    "empty body": ((PREDICT, "", JSON), 400, ["JSON"]),
    "not UTF-8": ((PREDICT, b'{"instances": [{"a": "\xff"}]}', JSON), 400, ["UTF-8"]),
    "too deep": ((PREDICT, '{"instances": [{"a": ' + "[" * 50_000, JSON), 400, ["nested"]),
    "list body": ((PREDICT, "[1, 2]", JSON), 400, ["object", "array"]),
    "string body": ((PREDICT, '"text"', JSON), 400, ["object"]),
    "null body": ((PREDICT, "null", JSON), 400, ["object"]),
    "no instances": ((PREDICT, "{}", JSON), 400, ["instances"]),
    "other field": ((PREDICT, '{"rows": []}', JSON), 400, ["rows"]),
    "instances not a list": ((PREDICT, '{"instances": {}}', JSON), 400, ["array"]),
    "row not an object": (instances([1, 2]), 400, ["object"]),
    "no rows": (instances(), 400, ["at least one row"]),
    "too many rows": (instances(*[{}] * 10_001), 413, ["10001 rows", "10000"]),
    "missing column": (instances(without("temp")), 400, ["no temp", "wind, carrier"]),
    "missing in one row": (instances(row(1), without("temp")), 400, ["instances[1]", "no temp"]),
    "unknown column": (instances(row(1) | {"tempp": 1}), 400, ["tempp", "Did you mean temp"]),
    "unknown in one row": (instances(row(1), row(1) | {"w": 1}), 400, ["instances[1]", "'w'"]),
    "string number": (instances(row(1, temp="7")), 400, ["temp, row 0", "'7'", "number"]),
    "list cell": (instances(row(1, temp=[1])), 400, ["temp, row 0", "array"]),
    "object cell": (instances(row(1, carrier={})), 400, ["carrier, row 0", "object"]),
    "NaN": ((PREDICT, '{"instances": [{"temp": NaN}]}', JSON), 400, ["malformed"]),
    "Infinity": ((PREDICT, '{"instances": [{"temp": -Infinity}]}', JSON), 400, ["malformed"]),
    "1e999": ((PREDICT, '{"instances": [{"temp": 1e999}]}', JSON), 400, ["range"]),
    "over float32": (instances(row(1), row(1, temp=1e39)), 400, ["temp, row 1", "32-bit"]),
    "huge integer": (instances(row(1, temp=10**400)), 400, ["temp, row 0"]),
    "missing timestamp": (instances(row(1, leaves=None)), 400, ["leaves, row 0", "seconds"]),
    "not a timestamp": (instances(row(1, leaves="noon")), 400, ["leaves, row 0", "'noon'"]),
    "float timestamp": (instances(row(1, leaves=1.5)), 400, ["leaves, row 0"]),
    "milliseconds": (instances(row(1, leaves=1372636800000)), 400, ["milliseconds"]),
    "huge timestamp": (instances(row(1, leaves=10**30)), 400, ["leaves, row 0"]),
    "half a surrogate": (
        (PREDICT, json.dumps({"instances": [row(1, carrier="\ud800x")]}), JSON),
        400,
        ["body"],
    ),
    "float key": (instances(row(1, flight=1.5)), 400, ["flight, row 0", "integer"]),
    "bad seen": (instances(row(1, seen="x")), 400, ["seen, row 0"]),
    "text/plain": ((PREDICT, "{}", {"content-type": "text/plain"}), 415, ["text/plain"]),
    "gzip": ((PREDICT, "{}", JSON | {"content-encoding": "gzip"}), 415, ["compressed"]),
    "long id": (
        (PREDICT, json.dumps({"instances": [row(1)]}), JSON | {"x-request-id": "x" * 200}),
        400,
        ["128"],
    ),
    "too long": ((PREDICT, b" " * (16 * 2**20 + 1), JSON), 413, [str(16 * 2**20)]),
    "v2 malformed": ((INFER, "{", JSON), 400, ["JSON"]),
    "v2 list body": ((INFER, "[]", JSON), 400, ["object"]),
    "v2 text/plain": ((INFER, "{}", {"content-type": "text/plain"}), 415, ["text/plain"]),
    "v2 no inputs": ((INFER, "{}", JSON), 400, ["inputs"]),
    "v2 empty inputs": (infer([]), 400, ["one tensor for each column"]),
    "v2 empty batch": (
        infer([t | {"shape": [0], "data": []} for t in tensors([row(1)])]),
        400,
        ["at least one row"],
    ),
    "v2 missing": (infer(tensors([row(1)], temp=None)), 400, ["no temp"]),
    "v2 unknown": (
        infer(tensors([row(1)], orgin={"shape": [1], "datatype": "BYTES", "data": ["x"]})),
        400,
        ["Did you mean origin"],
    ),
    "v2 twice": (infer(tensors([row(1)]) * 2), 400, ["twice"]),
    "v2 fewer data": (infer(tensors([row(1)], temp={"data": []})), 400, ["temp", "0 values"]),
    "v2 other shape": (
        infer(tensors([row(1)], wind={"shape": [2], "data": [1, 2]})),
        400,
        ["wind: shape", "[1]"],
    ),
    "v2 matrix": (infer(tensors([row(1)], wind={"shape": [1, 2], "data": [1, 2]})), 400, ["wind"]),
    "v2 negative": (infer(tensors([row(1)], temp={"shape": [-1]})), 400, ["shape"]),
    "v2 no shape": (infer(tensors([row(1)], temp={"shape": []})), 400, ["shape"]),
    "v2 string in FP32": (
        infer(tensors([row(1)], wind={"data": ["4"]})),
        400,
        ["wind, row 0", "'4'", "FP32"],
    ),
    "v2 BYTES number": (
        infer(tensors([row(1)], temp={"datatype": "BYTES", "data": ["4"]})),
        400,
        ["temp: datatype", "BYTES", "FP64"],
    ),
    "v2 unknown datatype": (infer(tensors([row(1)], temp={"datatype": "FLOAT"})), 400, ["FLOAT"]),
    "v2 float in INT64": (
        infer(tensors([row(1)], leaves={"data": [1.5]})),
        400,
        ["leaves, row 0", "INT64"],
    ),
    "v2 float timestamp": (
        infer(tensors([row(1)], leaves={"datatype": "FP64", "data": [1.5]})),
        400,
        ["leaves: datatype"],
    ),
    "v2 nested": (infer(tensors([row(1)], temp={"data": [[1, 2]]})), 400, ["temp"]),
    "v2 NaN": (infer(tensors([row(1)], temp={"data": [float("nan")]})), 400, ["malformed"]),
    "v2 output": (infer(tensors([row(1)]), outputs=[{"name": "x"}]), 400, ["probability"]),
    "v2 outputs": (infer(tensors([row(1)]), outputs=[3]), 422, ["protocol"]),
    "v2 binary, no length": (
        (INFER, b"\x00\x01", {"content-type": "application/octet-stream"}),
        400,
        ["binary"],
    ),
    "v2 binary, bad length": (
        (
            INFER,
            b"{}",
            {"content-type": "application/octet-stream", "inference-header-content-length": "x"},
        ),
        400,
        ["binary"],
    ),
    "v2 binary, short": (
        (
            INFER,
            b'{"inputs": [{"name": "temp", "shape": [1], "datatype": "FP64", "parameters": '
            b'{"binary_data_size": 8}}]}123',
            {"content-type": "application/octet-stream", "inference-header-content-length": "104"},
        ),
        400,
        ["binary"],
    ),
    "cloud event": (
        (PREDICT, "3", {"content-type": "application/cloudevents+json"}),
        400,
        ["body"],
    ),
    "other model": (("/v1/models/flights:predict", "{}", JSON), 404, ["flights", "small"]),
    "other model v2": (("/v2/models/flights/infer", "{}", JSON), 404, ["flights", "small"]),
    "other version": (("/v2/models/small/versions/2/infer", "{}", JSON), 404, [VERSION]),
    "explain": (("/v1/models/small:explain", "{}", JSON), 404, [":predict"]),
    "unload": (("/v2/repository/models/small/unload", "", JSON), 403, ["Deploy"]),
    "load": (("/v2/repository/models/small/load", "", JSON), 403, ["Deploy"]),
    "no path": (("/v3", "", JSON), 404, ["/v2/health/ready"]),
    "post to ready": (("/v2/health/ready", "", JSON), 405, ["GET"]),
}


@pytest.fixture(scope="module")
def client(served):
    with served.client() as opened:
        yield opened


@pytest.mark.parametrize("name", REJECTED)
def test_invalid_input_is_rejected_with_what_to_do(client, name):
    (path, content, headers), status, said = REJECTED[name]
    answer = client.post(path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert all(part in error for part in said), error
    assert len(error) < 1_200
    for leak in ("Traceback", "site-packages", "components/", ".py", "Error("):
        assert leak not in error


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_a_prediction_is_a_post(client, method, path):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert "POST" in answer.json()["error"]


def test_a_body_without_a_length_is_bounded_too(client):
    parts = (b" " * 2**20 for _ in range(40))
    answer = client.post(PREDICT, content=parts, headers=JSON)
    assert answer.status_code == 413


def test_nobody_unloads_the_model(client):
    client.post("/v2/repository/models/small/unload")
    assert client.post(PREDICT, json={"instances": [row(1)]}).status_code == 200


def test_a_client_that_goes_away_disturbs_nobody(served, client):
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(f"{head}content-length: 1000\r\n\r\n{{".encode())
    assert client.post(PREDICT, json={"instances": [row(1)]}).status_code == 200


def test_no_request_is_quoted_in_the_text_log(served, client):
    marked = [
        instances(row(1, temp=MARK)),
        instances(row(1, leaves=MARK)),
        instances(row(1, carrier="nan", origin=MARK)),
        infer(tensors([row(1)], temp={"data": [MARK]}), outputs=[{"name": "probability"}]),
        (PREDICT, MARK, {"content-type": "application/cloudevents+json", "ce-id": MARK}),
        (INFER, MARK, {"content-type": "application/octet-stream"}),
        (f"/v1/models/{MARK}:predict", MARK, JSON),
    ]
    for path, content, headers in marked:
        assert client.post(path, content=content, headers=headers).status_code >= 400
    text = served.stderr.read_text()
    assert "Uvicorn running" in text
    assert MARK not in text


JUNK = [
    None, True, -1, 0, 1.5, 2**63, 10**25, "", "x", "\u0000", "2013-07-01", [], [[]], [1], {},
    {"a": 1}, "NaN", 1e308, -0.0,
]  # fmt: skip


def mutated(draw, value):
    """The value with one part of it, however deep, replaced, removed or doubled."""
    if isinstance(value, dict) and value and draw.random() < 0.85:
        name = draw.choice(list(value))
        kind = draw.random()
        if kind < 0.1:
            return {key: part for key, part in value.items() if key != name}
        if kind < 0.2:
            return value | {draw.choice(["", "temp ", "x" * 500, "\u202e"]): draw.choice(JUNK)}
        return value | {name: mutated(draw, value[name])}
    if isinstance(value, list) and value and draw.random() < 0.85:
        place = draw.randrange(len(value))
        kind = draw.random()
        if kind < 0.1:
            return value[:place] + value[place + 1 :]
        if kind < 0.2:
            return [*value, value[place]]
        return [*value[:place], mutated(draw, value[place]), *value[place + 1 :]]
    return draw.choice(JUNK)


def test_random_bodies_never_fail_the_server(served, client):
    draw = random.Random(20130701)
    v1 = {"instances": [row(n) for n in range(3)]}
    v2 = {"inputs": tensors([row(n) for n in range(3)]), "id": "x"}
    asked = v2 | {"outputs": [{"name": "probability"}], "parameters": {"binary_data_output": False}}
    seen = set()
    for _ in range(700):
        path, body = draw.choice([(PREDICT, v1), (INFER, v2), (INFER, asked)])
        for _ in range(draw.randrange(1, 4)):
            body = mutated(draw, body)
        content = bytearray(json.dumps(body).encode())
        if draw.random() < 0.15:
            content[draw.randrange(len(content))] = draw.randrange(256)
        kinds = ["application/json"] * 6 + ["application/octet-stream"]
        headers = {"content-type": draw.choice(kinds)}
        if draw.random() < 0.05:
            headers["inference-header-content-length"] = str(draw.randrange(-5, len(content) + 5))
        answer = client.post(path, content=bytes(content), headers=headers)
        seen.add(answer.status_code)
        assert answer.status_code < 500, (answer.text, bytes(content))
        assert answer.status_code == 200 or "error" in answer.json()
    assert {200, 400} <= seen
    assert "Exception in ASGI" not in served.stderr.read_text()
    good = client.post(PREDICT, json={"instances": [row(1)]}).json()["predictions"][0]
    assert good["probability"] == pytest.approx(expected(row(1)), abs=1e-6)
