"""Digests name content and nothing else."""

import hashlib
from pathlib import Path

from components.core.digest import digest_bytes, digest_file, digest_folder, digest_of


def test_the_order_of_keys_does_not_matter_and_values_do() -> None:
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})
    assert digest_of([1, 2]) != digest_of([2, 1])


def test_is_sha256_of_the_canonical_form() -> None:
    assert digest_of({"b": 1, "a": "é"}) == hashlib.sha256(b'{"a":"\\u00e9","b":1}').hexdigest()
    assert digest_bytes(b"x") == hashlib.sha256(b"x").hexdigest()


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)

    assert digest_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_folder_is_its_names_and_contents(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a").write_text("a")
        (folder / "b").write_text("b")
    assert digest_folder(one) == digest_folder(two)

    (two / "b").rename(two / "c")
    assert digest_folder(one) != digest_folder(two)
    assert digest_folder(one, leave_out=["b"]) == digest_folder(two, leave_out=["c"])

    (two / "c").rename(two / "b")
    (two / "sub" / "a").write_text("b")
    assert digest_folder(one) != digest_folder(two)
