"""A KFP API over real HTTP with the monitor uploaded, and an environment that names it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.kfp_server import KfpApi, running

VERSION = "monitor-0123456789ab"
PIPELINE = """
pipelineInfo: {name: monitor}
root:
  inputDefinitions:
    parameters:
      model: {parameterType: STRING}
      as_of: {parameterType: STRING, isOptional: true}
      target: {parameterType: STRING, isOptional: true}
      overlay: {parameterType: STRING, isOptional: true}
schemaVersion: 2.1.0
"""


@pytest.fixture
def kfp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KfpApi]:
    api = KfpApi()
    made = api.store.add_pipeline("monitor", "")
    api.store.add_version(made["pipeline_id"], VERSION, PIPELINE)
    with running(api=api) as url:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", url)
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("RATOON_MONITOR_VERSION", VERSION)
        monkeypatch.delenv("RATOON_NAMESPACE", raising=False)
        yield api
