"""What finished steps leave on disk, written so that a killed runner leaves none half."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kfp import dsl
from kfp.dsl.executor import create_artifact_instance

from pipelines.local.digests import digest_artifact


@dataclass(frozen=True)
class ArtifactRecord:
    """An output artifact: what kfp says of it, and the digest of what was there."""

    name: str
    uri: str
    schema_title: str
    schema_version: str
    metadata: Mapping[str, Any]
    digest: str | None

    @classmethod
    def of(cls, artifact: dsl.Artifact) -> "ArtifactRecord":
        """Records an artifact as it is now."""
        return cls(
            name=artifact.name,
            uri=artifact.uri,
            schema_title=artifact.schema_title,
            schema_version=artifact.schema_version,
            metadata=dict(artifact.metadata),
            digest=digest_artifact(artifact.uri),
        )

    def to_artifact(self) -> dsl.Artifact:
        """Makes the artifact again."""
        return create_artifact_instance(
            {
                "name": self.name,
                "uri": self.uri,
                "metadata": dict(self.metadata),
                "type": {"schemaTitle": self.schema_title},
            }
        )

    def is_there(self) -> bool:
        """Whether the artifact is still what the step left."""
        return digest_artifact(self.uri) == self.digest


@dataclass(frozen=True)
class StepRecord:
    """A finished step: the key says of what work, the rest what came out of it."""

    key: str
    seconds: float
    log: str
    parameters: Mapping[str, Any]
    artifacts: Mapping[str, ArtifactRecord]

    def outputs(self) -> dict[str, Any]:
        """Gives the outputs as kfp's orchestration passes them on."""
        made = {name: record.to_artifact() for name, record in self.artifacts.items()}
        return {**self.parameters, **made}

    def write(self, path: Path) -> None:
        """Writes the record in one step, so that it is there whole or not at all."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path, key: str) -> "StepRecord | None":
        """Reads the record of the same work, if there is one and its artifacts are unharmed."""
        try:
            content = json.loads(path.read_text())
            artifacts = {k: ArtifactRecord(**v) for k, v in content.pop("artifacts").items()}
            record = cls(artifacts=artifacts, **content)
        except (OSError, ValueError, KeyError, TypeError):
            # A record of another version, or one that somebody edited, is no record.
            return None
        same = record.key == key and all(a.is_there() for a in record.artifacts.values())
        return record if same else None


def write_json(path: Path, content: object) -> None:
    """Writes JSON by a temporary file and a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1))
    temporary.replace(path)
