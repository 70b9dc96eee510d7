"""One story told to KFP's API by the kfp SDK's own client and by ours: both see the same.

Against the fake always; where RATOON_KFP_ENDPOINT names a real KFP API (and
RATOON_KFP_NAMESPACE a profile's namespace, where it has such), against that too.
"""

import itertools
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kfp_server_api
import pytest

from components.core.errors import InputError
from components.ops.kubeflow.http_client import KfpConfig, KfpHttpClient, KfpNotFound
from components.ops.schedule.kubeflow import RecurringRunApi
from components.ops.schedule.manifest import EnvDefaults, parse_manifest
from components.ops.schedule.reconcile import reconcile
from components.ops.schedule.recurring_run import (
    ActualRecurringRun,
    DesiredRecurringRun,
    differences,
)
from tests.fakes.kfp_server import running

MONITOR = Path("manifests/pipelines/monitor.yaml")
REAL = os.environ.get("RATOON_KFP_ENDPOINT", "")
NAMESPACE = os.environ.get("RATOON_KFP_NAMESPACE", "")
# Names of a real installation's own are never met.
STARTED = f"{datetime.now(UTC):%m%d%H%M%S}"
numbers = itertools.count()


@dataclass(frozen=True)
class Both:
    """The two clients of one KFP, with a pipeline uploaded by the SDK."""

    sdk: Any
    ours: RecurringRunApi
    pipeline: str
    pipeline_id: str
    version: str
    version_id: str

    def wanted(self, every: str = "month", **fields: Any) -> DesiredRecurringRun:
        text = "model: ratoon-contract\nparameters: {model: models/flights}\n"
        declared = parse_manifest(f"{text}every: {every}\npipeline: {self.pipeline}\n", "contract")
        around = EnvDefaults(self.version, NAMESPACE)
        made = DesiredRecurringRun.of(declared, around, "declared")
        # Where there is no pod to be made, no account has to be there either.
        return made.model_copy(update={"experiment": self.pipeline, **fields})

    def listed(self) -> list[Any]:
        """The recurring runs of this story as the SDK lists them, page by page."""
        rows, token = [], ""
        while True:
            answer = self.sdk.list_recurring_runs(
                page_token=token, page_size=2, namespace=NAMESPACE or None
            )
            rows += answer.recurring_runs or []
            token = answer.next_page_token
            if not token:
                return [row for row in rows if self.pipeline in row.display_name]

    def existing(self) -> tuple[ActualRecurringRun, ...]:
        there = self.ours.recurring_runs(NAMESPACE)
        return tuple(one for one in there if self.pipeline in one.name)


class Mistaken(DesiredRecurringRun):
    """A recurring run with an argument that its pipeline does not have."""

    @property
    def arguments(self) -> dict[str, str]:
        return {"modle": "x"}


@pytest.fixture(scope="module")
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "real":
        if not REAL:
            pytest.skip("RATOON_KFP_ENDPOINT names no KFP API")
        yield REAL
        return
    with running() as url:
        yield url


@pytest.fixture
def both(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> Iterator[Both]:
    # The SDK keeps a file of its own under $HOME, whose place it works out when it is imported.
    monkeypatch.setenv("HOME", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it says of itself that it is for KFP 2
        import kfp

        sdk = kfp.Client(host=endpoint, namespace=NAMESPACE or "kubeflow")
    name = f"contract-{STARTED}-{next(numbers)}"
    pipeline = sdk.upload_pipeline(str(MONITOR), name, namespace=NAMESPACE or None)
    version = sdk.upload_pipeline_version(
        str(MONITOR), f"{name}-v1", pipeline_id=pipeline.pipeline_id
    )
    http = KfpHttpClient(KfpConfig(endpoint))
    ours = RecurringRunApi(http)
    made = Both(sdk, ours, name, pipeline.pipeline_id, f"{name}-v1", version.pipeline_version_id)
    yield made
    for row in made.listed():
        sdk.delete_recurring_run(row.recurring_run_id)
    sdk.delete_pipeline_version(pipeline.pipeline_id, version.pipeline_version_id)
    http.close()


pytestmark = pytest.mark.parametrize("endpoint", ["fake", "real"], indirect=True)


def test_what_we_make_is_what_the_sdk_reads(both: Both) -> None:
    wanted = both.wanted()

    made = reconcile(both.ours, wanted)

    (row,) = both.listed()
    read = both.sdk.get_recurring_run(row.recurring_run_id)
    assert (read.display_name, read.description) == (made.name, wanted.description)
    assert (read.mode, read.status, read.no_catchup) == ("ENABLE", "ENABLED", True)
    assert read.max_concurrency == "1"
    assert read.trigger.cron_schedule.cron == "0 0 0 1 * *"
    assert read.trigger.periodic_schedule is None
    assert read.service_account == "ratoon-pipeline"
    assert read.pipeline_version_reference.pipeline_version_id == both.version_id
    assert dict(read.runtime_config.parameters) == wanted.arguments
    experiment = both.sdk.get_experiment(experiment_name=both.pipeline, namespace=NAMESPACE or None)
    assert read.experiment_id == experiment.experiment_id


def test_what_the_sdk_makes_is_what_we_would_have_made(both: Both) -> None:
    wanted = both.wanted(every="36h")
    experiment = both.sdk.create_experiment(both.pipeline, namespace=NAMESPACE or None)
    both.sdk.create_recurring_run(
        experiment.experiment_id,
        wanted.name,
        description=wanted.description,
        interval_second=36 * 3600,
        no_catchup=True,
        params=wanted.arguments,
        pipeline_id=both.pipeline_id,
        version_id=both.version_id,
        service_account=wanted.service_account,
    )

    (one,) = both.existing()

    assert differences(one, wanted, both.ours.resolve(wanted)) == ()
    assert reconcile(both.ours, wanted).decision == "unchanged"


def test_both_enable_disable_and_delete(both: Both) -> None:
    wanted = both.wanted()
    reconcile(both.ours, wanted)
    (row,) = both.listed()

    both.sdk.disable_recurring_run(row.recurring_run_id)
    assert [one.enabled for one in both.existing()] == [False]
    both.ours.set_enabled(row.recurring_run_id, enabled=True)
    assert [one.mode for one in both.listed()] == ["ENABLE"]
    both.ours.set_enabled(row.recurring_run_id, enabled=False)
    assert [one.mode for one in both.listed()] == ["DISABLE"]
    both.sdk.enable_recurring_run(row.recurring_run_id)
    assert [one.enabled for one in both.existing()] == [True]

    both.ours.delete(row.recurring_run_id)
    both.ours.delete(row.recurring_run_id)
    assert both.listed() == []
    with pytest.raises(kfp_server_api.ApiException) as caught:
        both.sdk.get_recurring_run(row.recurring_run_id)
    assert caught.value.status == 404


def test_names_are_not_unique_and_both_list_every_page(both: Both) -> None:
    wanted = both.wanted()
    reconcile(both.ours, wanted)
    place = both.ours.resolve(wanted)
    for _ in range(4):
        both.ours.create(wanted, place, datetime.now(UTC))

    there = both.existing()
    assert len(there) == 5
    assert sorted(one.recurring_run_id for one in both.listed()) == sorted(
        one.run_id for one in there
    )
    reconcile(both.ours, wanted)

    (stays,) = both.existing()
    assert stays.run_id == min((one.created_at, one.run_id) for one in there)[1]


def test_an_interval_begins_at_its_last_boundary(both: Both) -> None:
    reconcile(both.ours, both.wanted(every="36h"))

    (row,) = both.listed()

    schedule = row.trigger.periodic_schedule
    start = schedule.start_time.astimezone(UTC)
    since = start - datetime(1970, 1, 5, tzinfo=UTC)
    assert schedule.interval_second == str(36 * 3600)
    assert since % timedelta(hours=36) == timedelta()
    assert start <= datetime.now(UTC) < start + timedelta(hours=36)


def test_what_is_missing_or_wrong_is_refused_to_both(both: Both) -> None:
    wanted = both.wanted()
    reconcile(both.ours, wanted)
    place = both.ours.resolve(wanted)
    bad = Mistaken.model_validate(wanted.model_dump(mode="json", exclude_none=True))

    with pytest.raises(kfp_server_api.ApiException) as sdk:
        both.sdk.create_recurring_run(
            place.experiment_id,
            "bad",
            cron_expression="0 0 0 1 * *",
            params={"modle": "x"},
            pipeline_id=both.pipeline_id,
            version_id=both.version_id,
        )
    with pytest.raises(Exception, match="modle") as ours:
        both.ours.create(bad, place, datetime.now(UTC))
    with pytest.raises(KfpNotFound):
        both.ours.http.call("GET", "/recurringruns/nope")
    with pytest.raises(InputError, match=both.version):
        both.ours.resolve(wanted.model_copy(update={"version": "another"}))

    assert sdk.value.status in (400, 500)
    assert "modle" in str(ours.value)


def test_the_sdk_runs_a_version_and_ends_it(both: Both) -> None:
    experiment = both.sdk.create_experiment(both.pipeline, namespace=NAMESPACE or None)
    made = both.sdk.run_pipeline(
        experiment.experiment_id,
        "a run",
        params={"model": "models/flights"},
        pipeline_id=both.pipeline_id,
        version_id=both.version_id,
    )

    listed = both.sdk.list_runs(experiment_id=experiment.experiment_id)
    both.sdk.terminate_run(made.run_id)

    assert [one.run_id for one in listed.runs] == [made.run_id]
    assert both.sdk.get_run(made.run_id).state in ("CANCELING", "CANCELED")


def test_names_of_pipelines_and_versions_are_unique(both: Both) -> None:
    with pytest.raises(kfp_server_api.ApiException) as pipeline:
        both.sdk.upload_pipeline(str(MONITOR), both.pipeline, namespace=NAMESPACE or None)
    with pytest.raises(kfp_server_api.ApiException) as version:
        both.sdk.upload_pipeline_version(str(MONITOR), both.version, pipeline_id=both.pipeline_id)

    assert (pipeline.value.status, version.value.status) == (409, 409)
    assert both.sdk.get_pipeline_id(both.pipeline) == both.pipeline_id
    versions = both.sdk.list_pipeline_versions(both.pipeline_id).pipeline_versions
    assert sorted(one.display_name for one in versions) == [both.pipeline, both.version]
