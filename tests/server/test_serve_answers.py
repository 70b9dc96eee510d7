import json
import struct
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from serve_process import INFER, PREDICT, VERSION, expected, row, tensors


def v1(served, rows, **options):
    return served.post(PREDICT, json={"instances": rows}, **options)


def v2(served, inputs, **body):
    return served.post(INFER, json={"inputs": inputs} | body)


def test_v1_answers_every_row(served):
    rows = [row(n) for n in range(50)]
    answer = v1(served, rows)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    probability = [p["probability"] for p in body["predictions"]]
    assert probability == pytest.approx([expected(r) for r in rows], abs=1e-6)
    assert [p["predicted"] for p in body["predictions"]] == [int(p >= 0.6) for p in probability]
    assert body["model_version"] == VERSION
    assert uuid.UUID(body["request_id"])


def test_v2_answers_every_row(served):
    rows = [row(n) for n in range(50)]
    answer = v2(served, tensors(rows), id="mine")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    outputs = {output["name"]: output for output in body["outputs"]}
    assert outputs["probability"]["data"] == pytest.approx([expected(r) for r in rows], abs=1e-6)
    assert outputs["predicted"]["data"] == [int(p >= 0.6) for p in outputs["probability"]["data"]]
    assert {(o["datatype"], tuple(o["shape"])) for o in body["outputs"]} == {
        ("FP32", (50,)),
        ("INT64", (50,)),
    }
    assert (body["model_name"], body["model_version"], body["id"]) == ("small", VERSION, "mine")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"temp": 3}, {"temp": 3.0}),
        ({"temp": True}, {"temp": 1.0}),
        ({"temp": None}, {"temp": 0.0}),
        ({"carrier": 1234}, {"carrier": "1234"}),
        ({"carrier": 12.0}, {"carrier": "12"}),
        ({"carrier": True}, {"carrier": "true"}),
        ({"carrier": None}, {"carrier": ""}),
        ({"carrier": "ÜÖ"}, {"carrier": "ab"}),
        ({"leaves": "2013-07-01T00:00Z"}, {"leaves": 1372636800}),
        ({"leaves": "2013-07-01T02:00:00+02:00"}, {"leaves": 1372636800}),
        ({"leaves": "2013-07-01"}, {"leaves": 1372636800}),
        ({"leaves": "2013-07-01T00:00:00.999Z"}, {"leaves": 1372636800}),
    ],
)
def test_v1_reads_cells_as_prepare_does(served, change, same):
    body = v1(served, [row(3, **change), row(3, **same)]).json()
    first, second = (p["probability"] for p in body["predictions"])
    assert first == second == pytest.approx(expected(row(3, **same)), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"temp": {"datatype": "INT8", "data": [7]}}, {"temp": 7}),
        ({"temp": {"datatype": "BOOL", "data": [True]}}, {"temp": 1}),
        ({"temp": {"data": [None]}}, {"temp": None}),
        ({"carrier": {"datatype": "INT64", "data": [1234]}}, {"carrier": "1234"}),
        ({"carrier": {"data": [None]}}, {"carrier": None}),
        ({"leaves": {"datatype": "BYTES", "data": ["2013-07-01"]}}, {"leaves": 1372636800}),
        ({"temp": {"shape": [1, 1], "data": [[7]]}}, {"temp": 7}),
        ({"flight": None, "seen": None}, {}),
    ],
)
def test_v2_reads_datatypes(served, change, same):
    answer = v2(served, tensors([row(3)], **change))
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"] == pytest.approx(
        [expected(row(3, **same))], abs=1e-6
    )


def test_the_clients_id_is_kept(served):
    answer = v1(served, [row(1)], headers={"x-request-id": "from-the-mesh"})
    assert answer.json()["request_id"] == "from-the-mesh"


def test_rows_may_differ_in_what_is_only_logged(served):
    first, second = row(1), row(2)
    del first["flight"]
    del second["seen"]
    assert len(v1(served, [first, second]).json()["predictions"]) == 2


def test_a_version_in_the_path(served):
    path = f"/v2/models/small/versions/{VERSION}"
    body = served.post(f"{path}/infer", json={"inputs": tensors([row(1)])}).json()
    assert body["model_version"] == VERSION
    with served.client() as client:
        assert client.get(f"{path}/ready").json() == {"name": "small", "ready": True}


def test_requested_outputs_go_by_kserves_own_path(served):
    rows = [row(n) for n in range(5)]
    body = v2(served, tensors(rows), outputs=[{"name": "probability"}], id="asked").json()
    assert [output["name"] for output in body["outputs"]] == ["probability"]
    assert body["outputs"][0]["data"] == pytest.approx([expected(r) for r in rows], abs=1e-6)
    assert (body["id"], body["model_version"]) == ("asked", VERSION)


def binary_request(rows):
    """The binary extension, written by hand: little-endian tensors behind the JSON."""
    inputs, tail = [], b""
    for tensor in tensors(rows, wind={"datatype": "FP32"}):
        if tensor["name"] in ("temp", "wind", "leaves", "carrier"):
            code = {"FP64": "<d", "FP32": "<f", "INT64": "<q"}.get(tensor["datatype"])
            missing = float("nan") if code else ""
            cells = [missing if c is None else c for c in tensor.pop("data")]
            raw = b"".join(
                struct.pack(code, c) if code else struct.pack("<I", len(c)) + c.encode()
                for c in cells
            )
            tensor["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        inputs.append(tensor)
    head = json.dumps({"inputs": inputs, "id": "binary"}).encode()
    headers = {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(head)),
    }
    return head + tail, headers


def test_binary_tensors_go_by_kserves_own_path(served):
    rows = [row(n) for n in range(20)]
    content, headers = binary_request(rows)
    answer = served.post(INFER, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    data = answer.json()["outputs"][0]["data"]
    assert data == pytest.approx([expected(r) for r in rows], abs=1e-6)


def test_cloud_events_go_by_kserves_own_path(served):
    attributes = {"id": "1", "source": "test", "type": "ask", "specversion": "1.0"}
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    binary = v1(served, [row(4)], headers=headers)
    assert binary.headers["ce-type"] == "io.kserve.inference.response"
    event = attributes | {"time": "2013-07-01T00:00:00Z", "data": {"instances": [row(4)]}}
    content = json.dumps(event).encode()
    structured = served.post(
        PREDICT, content=content, headers={"content-type": "application/cloudevents+json"}
    )
    for body in (binary.json(), structured.json()["data"]):
        assert body["predictions"][0]["probability"] == pytest.approx(expected(row(4)), abs=1e-6)


def test_concurrent_requests_get_their_own_answers(served):
    with served.client() as client, ThreadPoolExecutor(16) as pool:

        def ask(number):
            rows = [row(number * 10 + n) for n in range(1 + number % 4)]
            answer = client.post(PREDICT, json={"instances": rows})
            return rows, [p["probability"] for p in answer.json()["predictions"]]

        for rows, answered in pool.map(ask, range(200)):
            assert answered == pytest.approx([expected(r) for r in rows], abs=1e-6)


def test_one_bad_request_of_a_batch_fails_alone(served):
    kinds = {"boom": 422, "nan": 500, "UA": 200, "DL": 200}
    carriers = list(kinds) * 40
    with served.client() as client, ThreadPoolExecutor(16) as pool:

        def ask(carrier):
            return client.post(PREDICT, json={"instances": [row(1, carrier=carrier)]})

        for carrier, answer in zip(carriers, pool.map(ask, carriers), strict=True):
            assert answer.status_code == kinds[carrier], answer.text
            if answer.status_code == 200:
                got = answer.json()["predictions"][0]["probability"]
                assert got == pytest.approx(expected(row(1, carrier=carrier)), abs=1e-6)
            else:
                assert "boom" not in answer.json()["error"]


def test_what_the_server_says_of_itself(served):
    with httpx.Client(base_url=served.url) as client:
        assert client.get("/v2/health/live").json() == {"live": True}
        assert client.get("/v2/health/ready").json() == {"ready": True}
        assert client.get("/v1/models/small").json() == {"name": "small", "ready": True}
        inputs = client.get("/v2/models/small").json()["inputs"]
    assert [(i["name"], i["datatype"]) for i in inputs[:3]] == [
        ("temp", "FP64"),
        ("wind", "FP64"),
        ("carrier", "BYTES"),
    ]


def test_kserves_histograms_count_the_fast_path(served):
    names = [f"request_{part}_seconds_count" for part in ("preprocess", "predict", "postprocess")]
    before = [served.metric(name) for name in names]
    for _ in range(3):
        v1(served, [row(1)])
    assert [served.metric(name) - b for name, b in zip(names, before, strict=True)] == [3, 3, 3]
    assert served.metric(f'ratoon_model_info{{name="small",version="{VERSION}"}}') == 1


def test_rows_without_their_key_are_counted(served):
    before = served.metric("ratoon_rows_without_key_total")
    v1(served, [row(1), row(2, flight=None), row(3, origin=None)])
    without_flight = row(4)
    del without_flight["flight"]
    v1(served, [without_flight])
    assert served.metric("ratoon_rows_without_key_total") - before == 3
