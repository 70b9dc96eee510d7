import json
import shutil
import socket
import time

import pytest
from serve_process import start

from components.core.artifacts import GOLDEN, MODEL_CARD, SAVED_MODEL


def edit(file, change):
    record = json.loads(file.read_text())
    change(record)
    file.write_text(json.dumps(record))


def differing_goldens(folder):
    edit(folder / GOLDEN, lambda golden: golden["probability"].__setitem__(1, 0.4881))


def no_goldens(folder):
    (folder / GOLDEN).unlink()


def empty_goldens(folder):
    (folder / GOLDEN).write_text('{"columns": {}, "probability": [], "tolerance": 1e-6}')


def goldens_of_another_model(folder):
    edit(folder / GOLDEN, lambda golden: golden["columns"].pop("wind"))


def broken_card(folder):
    (folder / MODEL_CARD).write_text("{}")


def truncated_graph(folder):
    file = folder / SAVED_MODEL / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:2000])


def no_graph(folder):
    shutil.rmtree(folder / SAVED_MODEL)


def another_signature(folder):
    edit(folder / MODEL_CARD, lambda card: card["columns"][0].update(kind="category"))


BROKEN = {
    differing_goldens: ["golden.json, row 1", "0.4881", "must not serve"],
    no_goldens: ["golden.json", "No such file"],
    empty_goldens: ["golden.json", "0 rows"],
    goldens_of_another_model: ["no wind"],
    broken_card: ["model.json"],
    truncated_graph: ["saved_model", "does not load"],
    no_graph: ["saved_model", "no saved_model.pb"],
    another_signature: ["inputs of serving_default", "model.json"],
}


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda breaking: breaking.__name__)
def test_a_broken_model_never_serves(copied_model, tmp_path, breaking):
    breaking(copied_model)
    served = start(copied_model, str(tmp_path / "log"), tmp_path / "stderr")
    while served.process.poll() is None:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", served.port)) != 0, "it listens"
        time.sleep(0.05)
    assert served.process.returncode == 1
    text = (tmp_path / "stderr").read_text()
    assert "This model is not served." in text
    assert "Traceback" not in text
    for part in BROKEN[breaking]:
        assert part in text


def test_a_log_of_an_unknown_scheme_is_rejected_at_the_start(small_model, tmp_path):
    served = start(small_model, "ftp://host/log", tmp_path / "stderr")
    assert served.process.wait(60) == 1
    assert "'ftp://host/log'" in (tmp_path / "stderr").read_text()


def test_a_port_in_use_ends_the_server(small_model, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        served = start(small_model, str(tmp_path / "log"), tmp_path / "stderr", "--port", port)
        assert served.process.wait(60) != 0
    assert "address already in use" in (tmp_path / "stderr").read_text()
