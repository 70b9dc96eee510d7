"""Pages name only what there is, and the way to the first prediction is as short as it says."""

import json
import re
from pathlib import Path

import pytest
import typer

from components.core.spec import load_folder
from components.core.spec.base import column_of
from pipelines.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"))
}
TEXTS = {name: page.read_text(encoding="utf-8") for name, page in PAGES.items()}


def _code(text: str) -> list[str]:
    """The shell blocks and the inline code of a page."""
    return ["".join(found) for found in re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", text, re.S)]


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CLUSTER = TEXTS["docs/cluster.md"]
LINKS = [
    (name, link)
    for name, text in TEXTS.items()
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
]
TARGETS = [
    (name, target)
    for name, text in TEXTS.items()
    for code in re.findall(r"```sh\n(.*?)```|`([^`]+)`", text, re.S)
    for named in re.findall(r"\bmake ((?:[a-z]+ ?)+)", re.sub(r"#.*", "", "".join(code)))
    for target in named.split()
]
_COMMAND = re.compile(r"(?:^|[;&] |=\S+ )ratoon ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", re.M)
COMMANDS = [
    (name, command)
    for name, text in TEXTS.items()
    for command in _COMMAND.findall("\n".join(_code(text)))
]
NAMED = sorted(set(re.findall(r"\b((?:manifests|kustomize|models)/[\w./-]*\w)", CLUSTER)))


def blocks(heading: str) -> list[str]:
    """The shell blocks of a section of docs/cluster.md."""
    section = re.split(r"^## ", CLUSTER.partition(f"## {heading}\n")[2], maxsplit=1, flags=re.M)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.S)


def commands(block: str) -> list[str]:
    """The commands of a block: a line that goes on, or lies inside quotes, is none of its own."""
    joined = re.sub(r"'[^']*'|\"[^\"]*\"", "''", block.replace("\\\n", " "))
    return [line for line in joined.splitlines() if line.strip()]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_to_a_file(page: str, link: str) -> None:
    assert (PAGES[page].parent / link).exists()


@pytest.mark.parametrize(("page", "target"), sorted(set(TARGETS)))
def test_a_make_target_is_there(page: str, target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.M), f"{page} names make {target}"


def test_pages_name_commands() -> None:
    assert {page for page, _ in COMMANDS} >= {"README.md", "docs/operations.md", "docs/cluster.md"}


@pytest.mark.parametrize(("page", "command"), sorted(set(COMMANDS)))
def test_a_command_is_there(page: str, command: str) -> None:
    noun, _, verb = command.partition(" ")
    found = typer.main.get_command(app).commands.get(noun)
    assert found is not None, f"{page} names ratoon {command}"
    assert not hasattr(found, "commands") or verb in found.commands, f"{page}: ratoon {command}"


@pytest.mark.parametrize("path", NAMED)
def test_a_path_of_the_cluster_page_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("heading", ["With kubectl", "With git"])
def test_ten_commands_are_enough(heading: str) -> None:
    asked = [command for block in blocks(heading) for command in commands(block)]
    assert 5 <= len(asked) <= 11, asked  # the last one only asks for a prediction


def test_the_dashboards_user_types_none() -> None:
    assert blocks("On the dashboard") == []


def test_kserve_is_told_the_same_store_as_everybody_else() -> None:
    """KServe 0.16 puts the scheme before S3_ENDPOINT itself, by S3_USE_HTTPS."""
    said = dict(re.findall(r"^(?:{{end}})?([A-Z][A-Z0-9_]+)=(\S+)$", CLUSTER, re.M))
    scheme = {"0": "http", "1": "https"}[said["S3_USE_HTTPS"]]
    assert said["AWS_ENDPOINT_URL"] == f"{scheme}://{said['S3_ENDPOINT']}"


def test_the_request_of_the_page_has_every_column_of_its_model() -> None:
    assert "-d @models/flights/request.json" in CLUSTER
    folder = ROOT / "models/flights"
    (row,) = json.loads((folder / "request.json").read_text())["instances"]
    features = load_folder(folder).features
    columns = {column_of(name) for feature in features for name in feature.sources}
    assert columns <= set(row)
