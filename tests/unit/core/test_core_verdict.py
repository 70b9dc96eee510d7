"""Verdicts, records and examples as files."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from components.core.artifacts import SplitName, example_files
from components.core.errors import ApiUnavailable, ClusterError, InputError, RatoonError
from components.core.verdict import Finding, Severity, Verdict, worst_first


def finding(code: str, severity: Severity) -> Finding:
    return Finding(code=code, severity=severity, subject="", measured=1, limit=None, sentence="")


FINDINGS = (
    finding("a", Severity.INFO),
    finding("b", Severity.FAIL),
    finding("c", Severity.WARN),
    finding("d", Severity.FAIL),
)


def test_the_worst_comes_first_and_equals_keep_their_order() -> None:
    assert [f.code for f in worst_first(FINDINGS)] == ["b", "d", "c", "a"]


def test_only_failures_decide() -> None:
    verdict = Verdict(step="s", decision="d", reason="r", findings=FINDINGS, as_of="2013-07-01")

    assert [f.code for f in verdict.failures] == ["b", "d"]


def test_a_record_is_the_same_bytes_each_time_and_comes_back(tmp_path: Path) -> None:
    verdict = Verdict(step="s", decision="d", reason="é", findings=FINDINGS, as_of="2013-07-01")
    for name in ("new/a.json", "b.json"):
        verdict.write(tmp_path / name)

    assert Verdict.read(tmp_path / "b.json") == verdict
    assert (tmp_path / "new" / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_record_cannot_be_changed_and_takes_no_unknown_field() -> None:
    verdict = Verdict(step="s", decision="d", reason="r", findings=(), as_of="2013-07-01")

    with pytest.raises(ValidationError, match="frozen"):
        verdict.decision = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        Verdict.model_validate({**verdict.model_dump(), "more": 1})


def test_example_files_are_in_order_of_span(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for name in ("2013-02.parquet", "2013-01.parquet", "notes.txt"):
        (tmp_path / "train" / name).touch()

    files = example_files(tmp_path, SplitName.TRAIN)
    assert [f.name for f in files] == ["2013-01.parquet", "2013-02.parquet"]
    assert example_files(tmp_path, SplitName.RECENT) == ()


def test_errors_say_what_to_do_next() -> None:
    error = InputError("a.yaml: x", 3, "a text", "Quote it.")

    assert str(error) == "a.yaml: x: given 3; accepted: a text. Quote it."
    assert isinstance(error, RatoonError)
    assert issubclass(ApiUnavailable, ClusterError)
