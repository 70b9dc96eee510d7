"""A compiled graph and its steps as kfp's local orchestration wants them.

A step gets its inputs as KFP's ExecutorInput, and returns its ExecutorOutput.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import dsl
from kfp.local import executor_input_utils, executor_output_utils, placeholder_utils
from kfp.local.utils import struct_to_executor_spec
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from components.core.errors import InputError, RunError
from pipelines.document import Document, load_document

# A browser shows a file by its suffix; KFP's own viewers do not ask for one.
SUFFIXES = {"system.HTML": ".html", "system.Markdown": ".md"}


@dataclass(frozen=True)
class LocalPipeline:
    """One compiled pipeline: its root graph and all components, however deeply nested."""

    document: Document
    root: pb.ComponentSpec
    components: dict[str, pb.ComponentSpec]
    executors: dict[str, pb.PipelineDeploymentConfig.ExecutorSpec]

    def images(self) -> list[str]:
        """Every image that some step may run in."""
        containers = (executor.container for executor in self.executors.values())
        return sorted({container.image for container in containers if container.image})


@dataclass(frozen=True)
class StepCall:
    """One step with resolved inputs.

    Attributes:
        path: Where it stands in the graph, group by group; unique in the run.
        job_name: The run's own name.
        task: How the pipeline calls it: caching and retries.
        executor_input: All inputs, and where outputs go.
        inputs: The same as plain data, placeholders resolved.
    """

    path: str
    job_name: str
    component: pb.ComponentSpec
    container: pb.PipelineDeploymentConfig.PipelineContainerSpec
    task: pb.PipelineTaskSpec
    executor_input: pb.ExecutorInput
    inputs: dict[str, Any]

    def command(self) -> list[str]:
        """The command line, all placeholders filled in."""
        parts = [*self.container.command, *self.container.args]
        known = [part.replace(dsl.PIPELINE_TASK_ID_PLACEHOLDER, self._task_id()) for part in parts]
        filled: list[str] = placeholder_utils.replace_placeholders(
            full_command=known, unique_pipeline_id=stable_id(self.job_name), **self._place()
        )
        return filled

    def outputs(self) -> dict[str, Any]:
        """The outputs that a finished process left.

        Raises:
            RunError: They hold what KFP cannot carry, such as a number that is not finite.
        """
        declared = self.executor_input.outputs
        try:
            answer = executor_output_utils.load_executor_output(declared.output_file)
            for name, artifacts in declared.artifacts.items():
                # A container without kfp's executor answers with files alone, as on a cluster.
                if name not in answer.artifacts:
                    answer.artifacts[name].CopyFrom(artifacts)
            outputs: dict[str, Any] = executor_output_utils.get_outputs_from_executor_output(
                answer, self.executor_input, self.component
            )
        except (json_format.Error, ValueError) as error:
            raise RunError(f"the outputs of step {self.path} cannot be read: {error}") from error
        return outputs

    def resolve(self) -> None:
        """Fills in placeholders inside input parameters, such as the run's name."""
        parameters = self.inputs["inputs"].get("parameterValues", {})
        for name, value in parameters.items():
            # kfp's local code does not know it; no recurring run starts anything here.
            if value == dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER:
                parameters[name] = ""
        placeholder_utils.resolve_self_references_in_executor_input(
            pipeline_job_id=stable_id(self.job_name),
            pipeline_task_id=self._task_id(),
            **self._place(),
        )

    def _task_id(self) -> str:
        return stable_id(f"{self.job_name}/{self.path}")

    def _place(self) -> dict[str, Any]:
        """What kfp fills placeholders from, by the names of its arguments."""
        return {
            "executor_input_dict": self.inputs,
            "pipeline_resource_name": self.job_name,
            "task_resource_name": self.path.rpartition("/")[2],
            "pipeline_root": str(Path(self.executor_input.outputs.output_file).parent),
        }


def load_pipeline(path: Path) -> LocalPipeline:
    """Loads a compiled pipeline; its Kubernetes settings have no meaning here.

    Raises:
        InputError: The file is missing or is not a compiled pipeline.
    """
    document = load_document(path)
    try:
        spec = json_format.ParseDict(dict(document.spec), pb.PipelineSpec())
    except json_format.ParseError as error:
        raise InputError(str(path), str(error), "a compiled pipeline") from error
    components = dict(spec.components.items())
    for graph in (spec.root, *components.values()):
        # kfp reads the default of every graph input that was not given, and fails if none is set.
        declared = graph.input_definitions.parameters if graph.HasField("dag") else {}
        for one in declared.values():
            if one.is_optional and not one.HasField("default_value"):
                one.default_value.null_value = 0
    executors = dict(spec.deployment_spec.items()).get("executors", {})
    return LocalPipeline(
        document=document,
        root=spec.root,
        components=components,
        executors={name: struct_to_executor_spec(value) for name, value in executors.items()},
    )


def stable_id(name: str) -> str:
    """An identifier that is the same for the same name, so that a resumed step sees the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def make_call(
    path: str,
    job_name: str,
    component: pb.ComponentSpec,
    container: pb.PipelineDeploymentConfig.PipelineContainerSpec,
    task: pb.PipelineTaskSpec,
    arguments: Mapping[str, Any],
    outputs_folder: Path,
) -> StepCall:
    """Joins a step's resolved arguments with the paths of its outputs."""
    # kfp cannot write None; on a cluster an optional input that was not given is simply absent.
    given = {name: value for name, value in arguments.items() if value is not None}
    executor_input = executor_input_utils.construct_executor_input(
        component_spec=component,
        arguments=given,
        task_root=str(outputs_folder),
        block_input_artifact=False,
    )
    values = executor_input.inputs.parameter_values
    for name in [n for n, v in values.items() if v.WhichOneof("kind") in (None, "null_value")]:
        del values[name]
    for declared in executor_input.outputs.artifacts.values():
        for artifact in declared.artifacts:
            artifact.uri += SUFFIXES.get(artifact.type.schema_title, "")
    inputs = executor_input_utils.executor_input_to_dict(executor_input, component)
    call = StepCall(path, job_name, component, container, task, executor_input, inputs)
    call.resolve()
    return call
