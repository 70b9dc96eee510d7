"""`ratoon compile`: what it writes, keeps, takes away and refuses."""

from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from components.core.errors import InputError
from pipelines import compile as compiling
from pipelines.cli.app import app
from pipelines.document import Document
from pipelines.settings import CompileSettings, read_settings


def compile_into(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["compile", "--folder", str(folder), *arguments])


def versions(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "objects").glob("*-????????????.yaml")}


def test_a_changed_pipeline_gets_a_new_name_and_the_old_file_goes(tmp_path: Path) -> None:
    assert compile_into(tmp_path).exit_code == 0
    before = versions(tmp_path)
    assert len(before) == 2
    by_hand = tmp_path / "objects/mine.yaml"
    by_hand.write_text("kind: Pipeline\n")
    assert compile_into(tmp_path, "--tag", "2").exit_code == 0
    assert len(versions(tmp_path)) == 2
    assert not versions(tmp_path) & before
    assert by_hand.exists(), "only what compiling wrote is taken away"
    resources = yaml.safe_load((tmp_path / "objects/kustomization.yaml").read_text())["resources"]
    assert {Path(name).stem for name in resources} >= versions(tmp_path)


def test_what_is_not_given_stays_as_it_was(tmp_path: Path) -> None:
    compile_into(tmp_path, "--registry", "r.example/team", "--tag", "2", "--pvc", "data")
    compile_into(tmp_path, "--tag", "3")
    held = read_settings(tmp_path / "compile.yaml")
    assert held == CompileSettings("r.example/team", "3", "data")
    assert "image: r.example/team/ratoon-data:3" in (tmp_path / "monitor.yaml").read_text()
    assert compile_into(tmp_path, "--check").exit_code == 0


def test_check_names_what_is_not_fresh(tmp_path: Path) -> None:
    compile_into(tmp_path)
    old = (tmp_path / "objects/monitor.yaml").read_text()
    (tmp_path / "objects/monitor-000000000000.yaml").write_text(old)
    with (tmp_path / "train-and-deploy.yaml").open("a") as stream:
        stream.write("# by hand\n")
    checked = compile_into(tmp_path, "--check")
    assert checked.exit_code == 3
    said = checked.stderr
    assert f"{tmp_path}/train-and-deploy.yaml is not what" in said
    assert f"{tmp_path}/objects/monitor-000000000000.yaml is of a pipeline that was changed" in said
    assert (tmp_path / "objects/monitor-000000000000.yaml").exists(), "a check writes nothing"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tag", "a b"), "--tag"),
        (("--registry", "UPPER"), "--registry"),
        (("--pvc", "Data_1"), "--pvc"),
        (("--pvc", "../etc"), "--pvc"),
    ],
)
def test_what_no_cluster_takes_is_refused(
    tmp_path: Path, arguments: tuple[str, str], said: str
) -> None:
    refused = compile_into(tmp_path, *arguments)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"{said}: given ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["- a\n", "tag: 1.0\n", "tga: dev\n", "a: [\n"])
def test_settings_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "compile.yaml").write_text(text)
    with pytest.raises(InputError, match="accepted"):
        read_settings(tmp_path / "compile.yaml")


def test_a_claim_is_mounted_in_every_step() -> None:
    for document in compiling.compile_pipelines(CompileSettings(claim="models-1")):
        executors = document.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        mounts = [one["pvcMount"] for one in executors.values()]
        assert len(mounts) == len(document.spec["deploymentSpec"]["executors"])
        assert all(len(one) == 1 for one in mounts)
        assert {one[0]["mountPath"] for one in mounts} == {"/mnt/pvc/models-1"}
        names = [one[0]["pvcNameParameter"]["runtimeValue"]["constant"] for one in mounts]
        assert set(names) == {"models-1"}
        assert all("podMetadata" in one for one in executors.values()), "what was there stays"


def test_a_document_is_read_as_it_was_written() -> None:
    for document in compiling.compile_pipelines(CompileSettings()):
        assert Document.read(document.text()) == document
