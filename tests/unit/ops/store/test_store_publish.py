"""A model is published completely or not at all."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.core import storage
from components.core.artifacts import PUBLISHED
from components.core.digest import digest_folder
from components.core.errors import ApiUnavailable, InputError
from components.ops.targets import store as model_store
from components.ops.targets.store.publish import LEASE_DURATION, UploadLease, delete, stored_digest
from tests.unit.ops.store.store_factories import MODEL, VERSION, Store, fetch, make_folder, publish

FILES = [
    "golden.json",
    "model.json",
    "saved_model/saved_model.pb",
    "saved_model/variables/variables.data",
]
PLACE = f"{MODEL}/{VERSION}"


def test_what_was_published_comes_back(tmp_path: Path, store: Store) -> None:
    folder = make_folder(tmp_path / "made")
    uri = publish(folder, store.uri, MODEL, VERSION)
    fetch(uri, tmp_path / "back")

    assert uri == f"{store.uri}/{MODEL}/{VERSION}"
    assert store.files() == sorted(f"{PLACE}/{name}" for name in [*FILES, PUBLISHED])
    assert json.loads(store.content(f"{PLACE}/{PUBLISHED}")) == {"digest": digest_folder(folder)}
    assert digest_folder(tmp_path / "back") == digest_folder(folder)


def test_again_changes_nothing(tmp_path: Path, store: Store) -> None:
    folder = make_folder(tmp_path / "made")
    publish(folder, store.uri, MODEL, VERSION)
    # Would be put right if anything were written again.
    storage.write_bytes(f"{store.uri}/{PLACE}/golden.json", b"touched")

    assert publish(folder, store.uri, MODEL, VERSION) == f"{store.uri}/{PLACE}"
    assert store.content(f"{PLACE}/golden.json") == b"touched"


def test_a_marker_in_the_folder_is_not_the_models(tmp_path: Path, store: Store) -> None:
    folder = make_folder(tmp_path / "made")
    digest = digest_folder(folder)
    (folder / PUBLISHED).write_text('{"digest": "of the champion that was recalibrated"}')
    publish(folder, store.uri, MODEL, VERSION)

    assert json.loads(store.content(f"{PLACE}/{PUBLISHED}")) == {"digest": digest}


def test_other_bytes_under_a_version_are_refused(tmp_path: Path, store: Store) -> None:
    publish(make_folder(tmp_path / "one", "a"), store.uri, MODEL, VERSION)
    with pytest.raises(InputError, match="a model with other bytes"):
        publish(make_folder(tmp_path / "two", "b"), store.uri, MODEL, VERSION)

    assert json.loads(store.content(f"{PLACE}/model.json")) == {"seed": "a"}


def test_the_remains_of_an_interrupted_upload_are_overwritten(tmp_path: Path, store: Store) -> None:
    folder = make_folder(tmp_path / "made")
    for name in ("model.json", "of_an_older_try.json", "saved_model/old.pb"):
        storage.write_bytes(f"{store.uri}/{PLACE}/{name}", b"half")
    publish(folder, store.uri, MODEL, VERSION)

    assert store.files() == sorted(f"{PLACE}/{name}" for name in [*FILES, PUBLISHED])
    fetch(f"{store.uri}/{PLACE}", tmp_path / "back")
    assert digest_folder(tmp_path / "back") == digest_folder(folder)


@pytest.mark.parametrize(
    ("age", "refused"),
    [(timedelta(minutes=1), True), (LEASE_DURATION + timedelta(seconds=1), False)],
)
def test_a_lease_for_other_bytes_holds_for_a_while(
    tmp_path: Path, store: Store, age: timedelta, refused: bool
) -> None:
    lease = UploadLease(digest="other", since=datetime.now(UTC) - age)
    storage.write_bytes(f"{store.uri}/{PLACE}.lease.json", lease.model_dump_json().encode())
    folder = make_folder(tmp_path / "made")

    if refused:
        with pytest.raises(ApiUnavailable, match="another run has been uploading"):
            publish(folder, store.uri, MODEL, VERSION)
        assert store.files() == [f"{PLACE}.lease.json"]
    else:
        publish(folder, store.uri, MODEL, VERSION)
        assert f"{PLACE}.lease.json" not in store.files()


def test_deleting_a_version_leaves_the_others(tmp_path: Path, store: Store) -> None:
    folder = make_folder(tmp_path / "made")
    for version in (VERSION, f"{VERSION}-c"):
        publish(folder, store.uri, MODEL, version)
    delete(store.uri, MODEL, VERSION)
    delete(store.uri, MODEL, VERSION)

    assert {name.split("/")[1] for name in store.files()} == {f"{VERSION}-c"}
    with pytest.raises(InputError, match="no such folder"):
        fetch(f"{store.uri}/{PLACE}", tmp_path / "back")
    # What was refused once may be tried again.
    publish(make_folder(tmp_path / "again", "b"), store.uri, MODEL, VERSION)


def test_the_digest_of_what_is_stored_shows_damage(tmp_path: Path, store: Store) -> None:
    folder = make_folder(tmp_path / "made")
    uri = publish(folder, store.uri, MODEL, VERSION)
    assert stored_digest(uri) == digest_folder(folder)
    storage.write_bytes(f"{uri}/golden.json", b"changed")
    assert stored_digest(uri) not in (None, digest_folder(folder))
    delete(store.uri, MODEL, VERSION)
    assert stored_digest(uri) is None


def test_a_folder_that_changed_since_it_was_digested_is_refused(
    tmp_path: Path, store: Store
) -> None:
    folder = make_folder(tmp_path / "made")
    with pytest.raises(InputError, match="changed while it was copied"):
        model_store.publish(folder, store.uri, MODEL, VERSION, "digest of earlier bytes")
    assert f"{PLACE}/{PUBLISHED}" not in store.files()
