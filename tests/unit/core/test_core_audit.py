"""The audit: created once, never changed, claimed by number."""

from pathlib import Path

import pytest

from components.core import audit
from components.core.audit import AuditEntry, RetrainingClaim
from components.core.errors import InputError
from components.core.verdict import Finding, Severity, Verdict


def entry(run: str = "run-1", step: str = "validate", reason: str = "all is well") -> AuditEntry:
    return AuditEntry(
        run=run,
        step=step,
        model="churn",
        as_of="2013-07-01T00:00:00Z",
        version=None,
        decision="pass",
        reason=reason,
        digests={"plan": "ab"},
        details={"metrics": {"rows": 3.0, "auc": None}},
    )


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    audit.append(str(tmp_path), entry())

    assert audit.entries(str(tmp_path)) == (entry(),)
    assert (tmp_path / "runs" / "run-1" / "validate.json").exists()


def test_a_step_that_runs_again_is_added_and_replaces_nothing(tmp_path: Path) -> None:
    for reason in ("first", "second", "third"):
        audit.append(str(tmp_path), entry(reason=reason))

    names = sorted(p.name for p in (tmp_path / "runs" / "run-1").iterdir())
    assert names == ["validate-2.json", "validate-3.json", "validate.json"]
    assert {e.reason for e in audit.entries(str(tmp_path))} == {"first", "second", "third"}


def test_runs_are_kept_apart_and_their_names_stay_in_the_folder(tmp_path: Path) -> None:
    audit.append(str(tmp_path), entry(run="a"))
    audit.append(str(tmp_path), entry(run="../../b c"))

    assert [e.run for e in audit.entries(str(tmp_path), "a")] == ["a"]
    assert [e.run for e in audit.entries(str(tmp_path), "../../b c")] == ["../../b c"]
    assert len(audit.entries(str(tmp_path))) == 2
    assert all(p.parent.parent == tmp_path / "runs" for p in tmp_path.rglob("*.json"))


def test_of_one_step_only_its_own_files_are_read(tmp_path: Path) -> None:
    for step in ("monitor", "monitor", "plan", "monitor-more"):
        audit.append(str(tmp_path), entry(step=step))
    audit.append(str(tmp_path), entry(run="run-2", step="monitor"))
    (tmp_path / "runs" / "run-1" / "plan.json").write_text("damaged, and not read")

    found = audit.entries(str(tmp_path), step="monitor")

    assert [(e.run, e.step) for e in found] == [("run-1", "monitor")] * 2 + [("run-2", "monitor")]
    assert len(audit.entries(str(tmp_path), "run-2", "monitor")) == 1
    assert audit.entries(str(tmp_path), "run-2", "plan") == ()


def test_an_audit_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert audit.entries(str(tmp_path / "none")) == ()
    assert audit.retrainings(str(tmp_path / "none")) == ()


@pytest.mark.parametrize("content", ["", "{}", "no json", '{"run": "a"}'])
def test_a_damaged_entry_is_said_and_not_passed_over(tmp_path: Path, content: str) -> None:
    audit.append(str(tmp_path), entry())
    (tmp_path / "runs" / "run-1" / "validate.json").write_text(content)

    with pytest.raises(InputError, match=r"validate\.json: given '.+'; accepted: an entry"):
        audit.entries(str(tmp_path))


def test_of_two_monitors_that_saw_the_same_one_claims(tmp_path: Path) -> None:
    one = RetrainingClaim(run="one", as_of="2013-09-01T00:00:00Z", reason="calibration")
    two = RetrainingClaim(run="two", as_of="2013-09-01T00:00:00Z", reason="calibration")

    assert audit.claim_retraining(str(tmp_path), 0, one)
    assert not audit.claim_retraining(str(tmp_path), 0, two)
    assert audit.retrainings(str(tmp_path)) == (one,)
    assert audit.claim_retraining(str(tmp_path), 1, two)
    assert audit.retrainings(str(tmp_path)) == (one, two)


def test_the_entry_of_a_verdict_keeps_what_decided() -> None:
    found = [
        Finding(
            code=code,
            severity=severity,
            subject="auc",
            measured=0.5,
            limit=0.6,
            sentence="It is low.",
        )
        for code, severity in (("floor", Severity.FAIL), ("age", Severity.WARN))
    ]
    verdict = Verdict(
        step="evaluate",
        decision="refuse",
        reason="It is low.",
        findings=tuple(found),
        as_of="2013-07-01T00:00:00Z",
        digests={"plan": "ab"},
        metrics={"auc": 0.5},
    )

    made = audit.entry_of(verdict, "run-1", "churn", "v1")

    assert (made.step, made.decision, made.version) == ("evaluate", "refuse", "v1")
    assert made.details["metrics"] == {"auc": 0.5}
    assert [f["code"] for f in made.details["failures"]] == ["floor"]
