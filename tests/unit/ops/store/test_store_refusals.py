"""What a store cannot do is said plainly, and nothing outside of it is touched."""

from pathlib import Path

import pytest

from components.core import storage
from components.core.errors import ApiRejected, ApiUnavailable, InputError, RatoonError
from components.ops.targets.store.location import translate_errors
from components.ops.targets.store.publish import delete, stored_digest
from tests.unit.ops.store.store_factories import MODEL, SECRET, VERSION, fetch, make_folder, publish


@pytest.mark.parametrize(
    "store",
    [
        "gopher://host/a", "relative/folder", "/folder", "file://folder", "s3://", "https://host/a",
        f"s3://key:{SECRET}@models/a", "s3://models/a?versionId=1", "s3://models/../a", "file:///",
        "pvc://claim/../../etc",
    ],
)  # fmt: skip
def test_refuses_what_is_no_store(tmp_path: Path, store: str) -> None:
    with pytest.raises(InputError) as refused:
        publish(make_folder(tmp_path / "made"), store, MODEL, VERSION)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "version"), [("..", "1"), ("toy", ".."), ("a/b", "1"), ("toy", "1/2"), ("toy", "")]
)
def test_stays_within_the_store(tmp_path: Path, model: str, version: str) -> None:
    outside = tmp_path / "1" / "kept.txt"
    outside.parent.mkdir()
    outside.write_text("kept")
    store = f"file://{tmp_path}/store"
    folder = make_folder(tmp_path / "made")
    with pytest.raises(InputError, match="letters, digits"):
        publish(folder, store, model, version)
    with pytest.raises(InputError, match="letters, digits"):
        delete(store, model, version)

    assert outside.read_text() == "kept"


def test_a_link_out_of_the_store_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside" / VERSION / "kept.txt"
    outside.parent.mkdir(parents=True)
    outside.write_text("kept")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / MODEL).symlink_to(tmp_path / "outside")

    with pytest.raises(InputError, match="a link that leads out"):
        delete(f"file://{tmp_path}/store", MODEL, VERSION)
    assert outside.read_text() == "kept"


def test_a_claim_that_is_not_mounted_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(storage.PVC_ROOT, str(tmp_path))
    with pytest.raises(InputError) as refused:
        publish(make_folder(tmp_path / "made"), "pvc://no-claim/models", MODEL, VERSION)

    assert f"there is no folder {tmp_path}/no-claim" in str(refused.value)
    assert f"Mount the claim 'no-claim' at {tmp_path}/no-claim" in str(refused.value)


def test_claims_are_mounted_where_kserve_mounts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(storage.PVC_ROOT, raising=False)
    with pytest.raises(InputError, match="/mnt/pvc/no-such-claim"):
        storage.resolve("pvc://no-such-claim/models")


def test_a_volume_without_the_right_to_write(tmp_path: Path) -> None:
    if (store := Path("/proc/sys")).exists():
        with pytest.raises((ApiRejected, InputError)):
            publish(make_folder(tmp_path / "made"), f"file://{store}", MODEL, VERSION)
    else:
        pytest.skip("no folder here that not even root may write to")


def test_a_bucket_that_is_not_there_is_not_made(tmp_path: Path, s3_bucket: str) -> None:
    with pytest.raises(InputError, match="no such bucket"):
        publish(make_folder(tmp_path / "made"), "s3://elsewhere/kept", MODEL, VERSION)

    assert not storage.exists("s3://elsewhere")


def test_a_store_that_does_not_answer(
    tmp_path: Path, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    filesystem, _ = storage.resolve(f"s3://{s3_bucket}")
    type(filesystem).clear_instance_cache()
    for act in (
        lambda: publish(make_folder(tmp_path / "made"), "s3://models/kept", MODEL, VERSION),
        lambda: stored_digest("s3://models/kept/toy/1"),
        lambda: delete("s3://models/kept", MODEL, VERSION),
    ):
        with pytest.raises(ApiUnavailable) as refused:
            act()
        assert SECRET not in _whole(refused.value)


def test_an_objects_key_does_not_climb_out_of_the_folder(tmp_path: Path, s3_bucket: str) -> None:
    filesystem, _ = storage.resolve(f"s3://{s3_bucket}")
    filesystem.pipe_file(f"{s3_bucket}/kept/toy/1/../../../outside.txt", b"out")
    with pytest.raises(InputError, match="files in this folder"):
        fetch(f"s3://{s3_bucket}/kept/toy/1", tmp_path / "a" / "b" / "c" / "back")

    assert not list(tmp_path.rglob("outside.txt"))


def test_without_credentials_it_says_where_they_come_from(
    tmp_path: Path, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    filesystem, _ = storage.resolve(f"s3://{s3_bucket}")
    type(filesystem).clear_instance_cache()
    with pytest.raises(ApiRejected, match="secret ratoon-object-store"):
        publish(make_folder(tmp_path / "made"), "s3://models/kept", MODEL, VERSION)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (PermissionError("Access Denied"), ApiRejected),
        (OSError("Forbidden: models/a\nno storage.objects.create"), ApiRejected),  # gs
        (OSError(5, "SlowDown"), ApiUnavailable),
        (TimeoutError(), ApiUnavailable),
        (FileNotFoundError("The specified bucket does not exist"), InputError),
        (ImportError("no gcsfs", name="gcsfs"), InputError),
    ],
)
def test_each_failure_says_who_mends_it(raised: Exception, told: type[RatoonError]) -> None:
    with pytest.raises(told, match="gs://models/a"), translate_errors("gs://models/a"):
        raise raised


def _whole(error: RatoonError) -> str:
    return f"{error!s} {error!r}"
