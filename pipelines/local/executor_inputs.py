"""What a step is told (KFP's ExecutorInput) and how it answers (its ExecutorOutput)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import dsl
from kfp.local import executor_input_utils, executor_output_utils, placeholder_utils
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from components.core.errors import RunError

# A browser shows a file by its suffix; KFP's own viewers do not ask for one.
SUFFIXES = {"system.HTML": ".html", "system.Markdown": ".md"}


@dataclass(frozen=True)
class StepCall:
    """One step with resolved inputs.

    Attributes:
        path: Where it stands in the graph, group by group; unique in the run.
        job_name: The run's own name.
        component: Its compiled component.
        container: Image, command, arguments and variables.
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
        """Makes the command line, all placeholders filled in."""
        parts = [*self.container.command, *self.container.args]
        known = [part.replace(dsl.PIPELINE_TASK_ID_PLACEHOLDER, self._task_id()) for part in parts]
        filled: list[str] = placeholder_utils.replace_placeholders(
            full_command=known,
            executor_input_dict=self.inputs,
            pipeline_resource_name=self.job_name,
            task_resource_name=self._task_name(),
            pipeline_root=self._root(),
            unique_pipeline_id=identity(self.job_name),
        )
        return filled

    def outputs(self) -> dict[str, Any]:
        """Reads the outputs that a finished process left.

        Raises:
            RunError: They hold what KFP cannot carry, such as a number that is not finite.
        """
        try:
            return self._read_outputs()
        except (json_format.Error, ValueError) as error:
            raise RunError(f"the outputs of step {self.path} cannot be read: {error}") from error

    def _read_outputs(self) -> dict[str, Any]:
        answer = executor_output_utils.load_executor_output(self.executor_input.outputs.output_file)
        for name, declared in self.executor_input.outputs.artifacts.items():
            # A container without kfp's executor answers with files alone, as on a cluster.
            if name not in answer.artifacts:
                answer.artifacts[name].CopyFrom(declared)
        outputs: dict[str, Any] = executor_output_utils.get_outputs_from_executor_output(
            executor_output=answer,
            executor_input=self.executor_input,
            component_spec=self.component,
        )
        return outputs

    def resolve(self) -> None:
        """Fills in placeholders inside input parameters, such as the run's name."""
        _forget_schedule(self.inputs["inputs"].get("parameterValues", {}))
        placeholder_utils.resolve_self_references_in_executor_input(
            executor_input_dict=self.inputs,
            pipeline_resource_name=self.job_name,
            task_resource_name=self._task_name(),
            pipeline_root=self._root(),
            pipeline_job_id=identity(self.job_name),
            pipeline_task_id=self._task_id(),
        )

    def _task_name(self) -> str:
        return self.path.rpartition("/")[2]

    def _task_id(self) -> str:
        return identity(f"{self.job_name}/{self.path}")

    def _root(self) -> str:
        return str(Path(self.executor_input.outputs.output_file).parent)


def identity(name: str) -> str:
    """Makes the same identifier for the same name, so that a resumed step is told the same."""
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
    """Puts a step's resolved arguments and the places of its outputs together."""
    # kfp cannot write None; on a cluster an optional input that was not given is simply absent.
    given = {name: value for name, value in arguments.items() if value is not None}
    executor_input = executor_input_utils.construct_executor_input(
        component_spec=component,
        arguments=given,
        task_root=str(outputs_folder),
        block_input_artifact=False,
    )
    _drop_absent(executor_input)
    _name_for_browsers(executor_input)
    inputs = executor_input_utils.executor_input_to_dict(executor_input, component)
    call = StepCall(path, job_name, component, container, task, executor_input, inputs)
    call.resolve()
    return call


def _forget_schedule(parameters: dict[str, Any]) -> None:
    """No recurring run starts anything here; kfp's local code does not know that placeholder."""
    for name, value in parameters.items():
        if value == dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER:
            parameters[name] = ""


def _drop_absent(executor_input: pb.ExecutorInput) -> None:
    values = executor_input.inputs.parameter_values
    for name in [n for n, v in values.items() if v.WhichOneof("kind") in (None, "null_value")]:
        del values[name]


def _name_for_browsers(executor_input: pb.ExecutorInput) -> None:
    for declared in executor_input.outputs.artifacts.values():
        for artifact in declared.artifacts:
            artifact.uri += SUFFIXES.get(artifact.type.schema_title, "")
