"""What an address of a git target may say, and what is refused before git is asked."""

import subprocess

import pytest

from components.core.errors import InputError
from components.ops.git.address import is_branch_name
from components.ops.targets.kserve.record import Mode
from components.ops.targets.target_uri import parse_git_uri

BRANCHES = {
    "main": True,
    "release/1.0": True,
    "a@b": True,
    "ratoon/flights-20130701T0000-1a2b3c4d": True,
    "HEAD": False,
    "": False,
    "-x": False,
    "a..b": False,
    "a//b": False,
    "/a": False,
    "a/": False,
    ".a": False,
    "a/.b": False,
    "a.": False,
    "a.lock": False,
    "a.lock/b": False,
    "a b": False,
    "a~1": False,
    "a^": False,
    "a:b": False,
    "a?": False,
    "a*": False,
    "a[b": False,
    "a\\b": False,
    "a@{1}": False,
    "a\x7f": False,
    "a\n": False,
}


@pytest.mark.parametrize(("name", "accepted"), BRANCHES.items())
def test_a_branch_is_named_by_the_rules_of_git(name: str, accepted: bool) -> None:
    asked = ["git", "check-ref-format", "--branch", name]

    assert is_branch_name(name) == accepted
    assert (subprocess.run(asked, capture_output=True, check=False).returncode == 0) == accepted


def test_a_branch_that_reads_as_something_else_is_refused() -> None:
    assert not is_branch_name("@")  # git takes it, and means HEAD by it elsewhere


def test_a_target_uri_is_parsed() -> None:
    target_uri = parse_git_uri(
        "git+https://git.example.org:8443/team/gitops.git@release/1.0#apps/flights"
        "?mode=standard&namespace=ratoon-staging&review=branch"
    )

    assert target_uri.address.url == "https://git.example.org:8443/team/gitops.git"
    assert (target_uri.address.at, target_uri.address.folder) == ("release/1.0", "apps/flights")
    assert (target_uri.mode, target_uri.namespace, target_uri.review) == (
        Mode.STANDARD,
        "ratoon-staging",
        True,
    )


def test_a_place_needs_no_options_and_takes_them_before_the_folder_too() -> None:
    plain = parse_git_uri("git+file:///srv/gitops.git@main#flights")
    before = parse_git_uri("git+file:///srv/gitops.git@main?mode=knative#flights")

    assert (plain.mode, plain.namespace, plain.review) == (None, None, False)
    assert before.mode is Mode.KNATIVE
    assert before.address.folder == plain.address.folder == "flights"
    assert before.address.where == plain.address.where == "git+file:///srv/gitops.git@main#flights"


@pytest.mark.parametrize(
    ("target", "accepted"),
    [
        ("git+https://host/repo", "@branch#folder"),
        ("git+https://host/repo#flights", "@branch#folder"),
        ("git+https://host/repo@#flights", "the name of a branch"),
        ("git+https://host/repo@a..b#flights", "the name of a branch"),
        ("git+https://host/repo@-x#flights", "the name of a branch"),
        ("git+https://host/repo@main", "Name the folder"),
        ("git+https://host/repo@main#", "Name the folder"),
        ("git+https://host/repo@main#/etc", "@branch#folder"),
        ("git+https://host/repo@main#a/../b", "@branch#folder"),
        ("git+https://host/repo@main#.git/x", "@branch#folder"),
        ("git+https://host/repo@main#a b", "@branch#folder"),
        ("git+http://host/repo@main#flights", "@branch#folder"),
        ("git+ssh://host/repo@main#flights", "@branch#folder"),
        ("git+ext::sh -c x@main#flights", "@branch#folder"),
        ("git+file:///srv/../etc@main#flights", "@branch#folder"),
        ("git+https://host/-x/repo@main#flights", "@branch#folder"),
        ("git+https://host/repo@main?mode=knative#flights?mode=knative", "@branch#folder"),
        ("git+https://host/repo@main#flights?mode=serverless", "mode=knative or standard"),
        ("git+https://host/repo@main#flights?namespace=Up", "namespace="),
        ("git+https://host/repo@main#flights?review=no", "review=branch"),
        ("git+https://host/repo@main#flights?depth=3", "mode=knative"),
        ("git+https://host/repo@main#flights?mode=knative&mode=knative", "each once"),
    ],
)
def test_what_is_accepted_is_said(target: str, accepted: str) -> None:
    with pytest.raises(InputError, match=r"serving\.target: given") as caught:
        parse_git_uri(target)
    assert accepted in str(caught.value)


@pytest.mark.parametrize("user", ["token", "user:token", ":token", "x-access-token:token"])
def test_credentials_in_an_address_are_refused_and_not_repeated(user: str) -> None:
    with pytest.raises(InputError, match="/var/run/secrets/ratoon/git") as caught:
        parse_git_uri(f"git+https://{user}@git.example.org/gitops@main#flights")
    assert "token@" not in str(caught.value)
    assert ":token" not in str(caught.value)
    assert "https://…@git.example.org" in str(caught.value)
