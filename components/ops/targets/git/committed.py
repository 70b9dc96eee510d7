"""What a model should serve, kept in a repository: each change is one commit of all its files."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from components.core.errors import InputError
from components.ops.cluster.protocol import Object
from components.ops.git.objects import Commit, Tree
from components.ops.targets.git import files
from components.ops.targets.git.evidence import carried_over, undone
from components.ops.targets.git.files import KUSTOMIZATION, RECORD, SERVICE, manifests_of
from components.ops.targets.git.message import Step, message_of, step_between
from components.ops.targets.git.repository import Branch
from components.ops.targets.kserve.desired import Change
from components.ops.targets.kserve.record import RolloutRecord

# How long a reading of a server is good for; a change always begins with one of its own.
_FRESH_S = 5.0


@dataclass(frozen=True)
class Folder:
    """The files of a model at one commit.

    Attributes:
        commit: The commit.
        contents: The files that are there.
        record: What `RECORD` says; None: nothing was ever deployed there.
    """

    commit: str
    contents: Mapping[str, bytes]
    record: RolloutRecord | None


@dataclass
class Committed:
    """One model's record and manifests in a folder of a branch; see `Desired`.

    Attributes:
        branch: The branch, and the folder in it.
        model: The model's name.
        namespace: Where the cluster serves it; None: the manifests name none.
        evidence: What a commit that stages a version says of it besides; one line each.
    """

    branch: Branch
    model: str
    namespace: str | None = None
    evidence: tuple[str, ...] = ()
    _seen: tuple[float, Folder] | None = field(default=None, repr=False, compare=False)

    @property
    def where(self) -> str:
        """What the folder is called in errors."""
        address = self.branch.address
        return f"git+{address.url}@{address.at}#{address.folder}"

    def read(self) -> RolloutRecord | None:
        """The record at the tip of the branch, a few seconds old where a server has it."""
        return self._look().record

    def service(self) -> Object | None:
        """The InferenceService beside the record that was read last, or is being changed."""
        folder = self._seen[1] if self._seen else self._look()
        content = folder.contents.get(SERVICE)
        return files.read_manifest(content, f"{self.where}/{SERVICE}")

    def change(self, change: Change, why: str) -> RolloutRecord:
        """Commits what follows from the changed record, and pushes it."""
        return self._commit(change, why, None)

    def propose(self, change: Change, why: str, onto: str) -> RolloutRecord:
        """Commits it onto another branch instead, for a person to merge.

        Args:
            change: As for `change`.
            why: As for `change`.
            onto: The branch, made anew where it is there.
        """
        return self._commit(change, why, onto)

    def read_other(self, branch: str) -> RolloutRecord | None:
        """The record on another branch; None where there is none."""
        address = replace(self.branch.address, at=branch)
        return replace(self.branch, address=address).read(self._folder_at).record

    def _commit(self, change: Change, why: str, onto: str | None) -> RolloutRecord:
        made: list[tuple[RolloutRecord, Folder]] = []

        def decide(tree: Tree) -> Commit | None:
            stands = self._folder_at(tree)
            self._seen = (time.monotonic(), stands)
            old = stands.record or RolloutRecord(model=self.model)
            new = change(old)
            wanted = self._wanted(old, new, stands)
            made[:] = [(new, replace(stands, contents={**stands.contents, **wanted}, record=new))]
            changed = dict(wanted.items() - stands.contents.items())
            if not changed:
                return None
            paths = {tree.path_of(name): content for name, content in changed.items()}
            return Commit(paths, self._message(tree, stands, new, wanted, why))

        commit = self.branch.change(decide, onto)
        record, folder = made[0]
        if onto is None:
            self._seen = (time.monotonic(), replace(folder, commit=commit))
        return record

    def _wanted(
        self, old: RolloutRecord, new: RolloutRecord, stands: Folder
    ) -> Mapping[str, bytes]:
        if stands.record is None and new == old:
            return {}  # a folder in which nothing was ever deployed stays as it is
        manifests = manifests_of(new, self.namespace)
        wanted = {RECORD: files.record_file(new), **manifests}
        if KUSTOMIZATION in stands.contents:
            content = stands.contents[KUSTOMIZATION]
            files.check_kustomization(content, list(manifests), self.where)
            return wanted
        return {**wanted, KUSTOMIZATION: files.kustomization(list(manifests))}

    def _message(
        self,
        tree: Tree,
        stands: Folder,
        new: RolloutRecord,
        wanted: Mapping[str, bytes],
        why: str,
    ) -> str:
        old = stands.record or RolloutRecord(model=self.model)
        step = step_between(old, new)
        notes = self._edited(old, stands)
        if step.decision == "rolled_back":
            notes = (*notes, *undone(tree, step, new, wanted))
        return message_of(step, new, why, notes, self._evidence(tree, step, new))

    def _evidence(self, tree: Tree, step: Step, record: RolloutRecord) -> tuple[str, ...]:
        if step.decision == "staged":
            return self.evidence or carried_over(tree, step, record)
        return carried_over(tree, step, record) if step.decision == "promoted" else ()

    def _edited(self, old: RolloutRecord, stands: Folder) -> tuple[str, ...]:
        """Says which manifests were not as the record had them, before they are written anew."""
        if stands.record is None:
            return ()
        expected = manifests_of(old, self.namespace).items()
        edited = [name for name, content in expected if stands.contents.get(name) != content]
        said = (
            "was not as record.json had it, because somebody else changed it or Ratoon now writes"
        )
        return tuple(f"{name} {said} it otherwise. It is written anew." for name in edited)

    def _look(self) -> Folder:
        fresh_s = 0.0 if self.branch.address.is_local else _FRESH_S
        if self._seen is not None:
            seen_at, folder = self._seen
            if time.monotonic() - seen_at < fresh_s or self.branch.tip() == folder.commit:
                return folder
        folder = self.branch.read(self._folder_at)
        self._seen = (time.monotonic(), folder)
        return folder

    def _folder_at(self, tree: Tree) -> Folder:
        contents = tree.read(files.NAMES, files.MOST_BYTES)
        if RECORD in contents:
            record = files.read_record(contents[RECORD], self.where, self.model)
            return Folder(tree.commit, contents, record)
        if SERVICE in contents:
            do = f"Put {RECORD} back (git log names the commit that removed it), or move both away."
            raise InputError(self.where, f"{SERVICE} without {RECORD}", "both or none", do)
        return Folder(tree.commit, contents, None)
