"""Keeps a model's record and manifests in a repository: each change is one commit."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from components.core.errors import InputError
from components.ops.cluster.protocol import Object
from components.ops.git.objects import Commit, Tree
from components.ops.targets.git import files
from components.ops.targets.git.branch import Branch
from components.ops.targets.git.commit_message import (
    commit_message,
    rollback_notes,
    staged_evidence,
    transition_between,
)
from components.ops.targets.git.files import KUSTOMIZATION, RECORD, SERVICE, manifests_of
from components.ops.targets.kserve.record import RolloutRecord
from components.ops.targets.kserve.rollout_store import RecordChange

# How long a reading from a server is reused; a change always begins with one of its own.
_MAX_AGE_S = 5.0


@dataclass(frozen=True)
class FolderContents:
    """The files of a model at one commit."""

    commit: str
    contents: Mapping[str, bytes]
    record: RolloutRecord | None


@dataclass
class GitStore:
    """A folder of a branch with the record and the manifests; see `RolloutStore`.

    Attributes:
        namespace: Where the cluster serves it; None if the manifests name none.
        evidence: What a commit that stages a version adds about it, one line each.
    """

    branch: Branch
    model: str
    namespace: str | None = None
    evidence: tuple[str, ...] = ()
    _seen: tuple[float, FolderContents] | None = field(default=None, repr=False, compare=False)

    def read(self) -> RolloutRecord | None:
        """Reads the record at the tip of the branch; a few seconds old if a server has it."""
        return self._read_tip().record

    def service(self) -> Object | None:
        """Returns the InferenceService beside the record that was read last or is being changed."""
        folder = self._seen[1] if self._seen else self._read_tip()
        content = folder.contents.get(SERVICE)
        return files.read_manifest(content, f"{self.branch.address.where}/{SERVICE}")

    def change(self, change: RecordChange, why: str, onto: str | None = None) -> RolloutRecord:
        """Commits what follows from the changed record, and pushes it.

        `onto` names another branch, which is replaced, for a person to merge.
        """
        made: list[tuple[RolloutRecord, FolderContents]] = []

        def decide(tree: Tree) -> Commit | None:
            current = self._folder_at(tree)
            self._seen = (time.monotonic(), current)
            old = current.record or RolloutRecord(model=self.model)
            new = change(old)
            wanted = self._wanted(old, new, current)
            made[:] = [(new, replace(current, contents={**current.contents, **wanted}, record=new))]
            changed = dict(wanted.items() - current.contents.items())
            if not changed:
                return None
            paths = {tree.path_of(name): content for name, content in changed.items()}
            return Commit(paths, self._message(tree, current, new, wanted, why))

        commit = self.branch.change(decide, onto)
        record, folder = made[0]
        if onto is None:
            self._seen = (time.monotonic(), replace(folder, commit=commit))
        return record

    def _wanted(
        self, old: RolloutRecord, new: RolloutRecord, current: FolderContents
    ) -> Mapping[str, bytes]:
        if current.record is None and new == old:
            return {}  # a folder in which nothing was ever deployed stays as it is
        manifests = manifests_of(new, self.namespace)
        wanted = {RECORD: new.content(), **manifests}
        if KUSTOMIZATION in current.contents:
            content = current.contents[KUSTOMIZATION]
            files.check_kustomization(content, list(manifests), self.branch.address.where)
            return wanted
        return {**wanted, KUSTOMIZATION: files.kustomization_file(list(manifests))}

    def _message(
        self,
        tree: Tree,
        current: FolderContents,
        new: RolloutRecord,
        wanted: Mapping[str, bytes],
        why: str,
    ) -> str:
        transition = transition_between(current.record or RolloutRecord(model=self.model), new)
        notes = self._edit_notes(current)
        if transition.decision == "rolled_back":
            notes = (*notes, *rollback_notes(tree, transition, new, wanted))
        evidence = self.evidence if transition.decision == "staged" else ()
        if transition.decision in ("staged", "promoted"):
            evidence = evidence or staged_evidence(tree, transition, new)
        return commit_message(transition, new, why, notes, evidence)

    def _edit_notes(self, current: FolderContents) -> tuple[str, ...]:
        """Reports manifests that differ from the record, before they are overwritten."""
        if current.record is None:
            return ()
        expected = manifests_of(current.record, self.namespace).items()
        edited = [name for name, content in expected if current.contents.get(name) != content]
        why = "somebody else changed it, or this version of Ratoon writes it differently"
        return tuple(f"{name} differed from {RECORD}: {why}. It is overwritten." for name in edited)

    def _read_tip(self) -> FolderContents:
        max_age_s = 0.0 if self.branch.address.is_local else _MAX_AGE_S
        if self._seen is not None:
            seen_at, folder = self._seen
            if time.monotonic() - seen_at < max_age_s or self.branch.tip() == folder.commit:
                return folder
        folder = self.branch.read(self._folder_at)
        self._seen = (time.monotonic(), folder)
        return folder

    def _folder_at(self, tree: Tree) -> FolderContents:
        contents, where = tree.read(files.NAMES, files.MAX_BYTES), self.branch.address.where
        if RECORD in contents:
            record = files.read_record(contents[RECORD], where, self.model)
            return FolderContents(tree.commit, contents, record)
        if SERVICE in contents:
            do = f"Restore {RECORD} (git log names the commit that removed it), or move both away."
            raise InputError(where, f"{SERVICE} without {RECORD}", "both or none", do)
        return FolderContents(tree.commit, contents, None)
