"""One object, watched over breaks of the stream (Kubernetes API: list, then watch)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from components.ops.cluster.door import Broken, Door, Request
from components.ops.cluster.protocol import Kind, Object
from components.ops.cluster.refusals import refusal
from components.ops.cluster.rights import Call

# The first look may take so long, also where the watch is to be shorter.
FIRST_LOOK_S = 5.0
# A server that ends streams sooner than this, and says nothing, is not asked again at once.
ENDED_AT_ONCE_S = 0.5


@dataclass
class Watched:
    """An object under watch.

    Attributes:
        door: Where requests go through.
        kind: Kind of the object.
        namespace: Where it is.
        name: Its name.
        path: Path of its kind in the namespace.
    """

    door: Door
    kind: Kind
    namespace: str
    name: str
    path: str
    _version: str = ""
    _last: Object | None = None
    _yielded: bool = field(default=False)

    def run(self, timeout_s: float) -> Iterator[Object | None]:
        """The object as it is, then each change, until the deadline.

        Raises:
            ApiUnavailable: The API server was away when the deadline came.
            Forbidden: Its kind may not be listed or watched.
        """
        ends = time.monotonic() + timeout_s
        failures = 0
        while (left_s := ends - time.monotonic()) > 0 or not self._yielded:
            try:
                if not self._version:
                    yield from self._listed(left_s if self._yielded else max(left_s, FIRST_LOOK_S))
                for found in self._stream(ends):
                    failures = 0
                    yield found
            except Broken as broken:
                failures += 1
                left_s = max(ends - time.monotonic(), 0)
                time.sleep(min(self.door.pause_s(failures, broken), left_s))
                # What the list says is the truth after a break, and says when nobody answers.
                self._version = "" if failures > 1 else self._version

    def _listed(self, within_s: float) -> Iterator[Object | None]:
        call = Call("list", self.kind.group, self.kind.plural, self.namespace, self.name)
        request = Request("GET", self.path, {"fieldSelector": f"metadata.name={self.name}"})
        answer = self.door.ask(call, request, within_s)
        if answer.code >= 300:
            raise refusal(answer.code, answer.body, call)
        self._version = answer.body["metadata"]["resourceVersion"]
        typed = {"apiVersion": self.kind.api_version, "kind": self.kind.kind}
        found = [{**typed, **one} for one in answer.body["items"]]
        yield from self._new(found[0] if found else None)

    def _stream(self, ends: float) -> Iterator[Object | None]:
        stream_s = min(self.door.patience.stream_s, max(ends - time.monotonic(), 0))
        if stream_s <= 0:
            return
        call = Call("watch", self.kind.group, self.kind.plural, self.namespace, self.name)
        self.door.observe(call)
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={self.name}",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(int(stream_s), 1)),
        }
        longest_s = stream_s + self.door.patience.connect_s
        silent_s = min(longest_s, max(ends - time.monotonic(), 0.1))
        began, lines = time.monotonic(), 0
        for line in self.door.lines(call, Request("GET", self.path, query), silent_s):
            lines += 1
            yield from self._read(line["type"], line["object"])
            if not self._version or time.monotonic() >= ends:
                return
        if not lines and time.monotonic() - began < ENDED_AT_ONCE_S:
            raise Broken("the stream ended at once")

    def _read(self, said: str, found: Object) -> Iterator[Object | None]:
        if said == "ERROR":
            self._version = ""
            if found.get("code") != 410:
                raise Broken(str(found.get("message")))
            return
        self._version = found["metadata"]["resourceVersion"]
        if said != "BOOKMARK":
            yield from self._new(None if said == "DELETED" else found)

    def _new(self, found: Object | None) -> Iterator[Object | None]:
        """What was not said before: a list after a break may hold nothing new."""
        before, self._last = self._last, found
        if not self._yielded or _version(before) != _version(found):
            self._yielded = True
            yield found


def _version(found: Object | None) -> str | None:
    return found["metadata"]["resourceVersion"] if found is not None else None
