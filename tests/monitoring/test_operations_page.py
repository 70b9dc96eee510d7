"""docs/operations.md has a section for every alert, and names only what there is."""

import re

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from tests.monitoring import queries
from tests.monitoring.exposed import ROOT

PAGE = ROOT / "docs/operations.md"
TEXT = PAGE.read_text(encoding="utf-8")
ALERTS = {alert.name: alert for alert in queries.alerts()}
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def headings() -> list[str]:
    without_code = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    return [match[2] for match in _HEADING.finditer(without_code)]


def anchor(heading: str) -> str:
    """As GitHub and GitLab make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section(heading: str) -> str:
    """The text below a heading, up to the next."""
    below = TEXT.partition(f"## {heading}\n")[2]
    return re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_its_section(name: str) -> None:
    assert headings().count(name) == 1
    text = section(name)
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert text.count(part) == 1
    path, _, place = ALERTS[name].rule["annotations"]["runbook_url"].partition("#")
    assert ROOT / path == PAGE
    assert place == anchor(name)


def test_every_section_of_an_alert_has_its_alert() -> None:
    assert {h for h in headings() if h.startswith("Ratoon")} == set(ALERTS)


def test_headings_are_told_apart_by_their_anchors() -> None:
    anchors = [anchor(heading) for heading in headings()]
    assert len(anchors) == len(set(anchors))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(#([^)]+)\)", TEXT))))
def test_a_link_within_the_page_leads_somewhere(link: str) -> None:
    assert link in {anchor(heading) for heading in headings()}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z][a-z-]+)", TEXT))))
def test_a_make_target_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


COMMANDS = sorted(set(re.findall(r"\bratoon ([a-z]+(?: [a-z]+)?)", TEXT)))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0, result.output


PATHS = sorted(set(re.findall(r"\b((?:manifests|kustomize|docs|components)/[\w./-]+)", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert (ROOT / path.rstrip(".")).exists()


def test_the_page_names_commands_and_paths() -> None:
    assert COMMANDS
    assert PATHS


@pytest.mark.parametrize("metric", sorted(set(re.findall(r"`(ratoon_\w+)`", TEXT))))
def test_a_metric_exists(metric: str, metrics: dict[str, set[str]]) -> None:
    assert metric in metrics


def test_panels_that_are_named_exist() -> None:
    named = set(re.findall(r'panel\s+"([^"]+)"', re.sub(r"\s+", " ", TEXT)))
    assert named
    assert named <= {panel["title"] for panel in queries.dashboard()["panels"]}


@pytest.mark.parametrize(
    "field",
    sorted(set(re.findall(r"`((?:monitoring|serving|retraining|label|gates)\.[a-z_.]+)`", TEXT))),
)
def test_a_field_of_the_spec_exists(field: str) -> None:
    from components.core.spec.spec import Spec

    part: object = Spec
    for name in field.split("."):
        fields = getattr(part, "model_fields", {})
        assert name in fields, f"{field}: {name}"
        part = fields[name].annotation
