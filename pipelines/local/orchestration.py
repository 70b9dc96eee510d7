"""kfp's own local orchestration of a compiled graph, with our steps at its leaves."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kfp.local import graph_utils
from kfp.local.io import IOStore
from kfp.local.orchestrator import enhanced_dag_orchestrator
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils
from kfp.local.status import Status
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from components.core.errors import RunError
from pipelines.local.compiled import CompiledPipeline
from pipelines.local.conditions import holds
from pipelines.local.executor_inputs import identity, make_call
from pipelines.local.task_handler import TaskHandler

_KFP_SORT_TASKS = graph_utils.topological_sort_tasks
# Groups that the compiler makes of `with` blocks; they are no names that anyone gave.
_BLOCK = re.compile(r"(condition|condition-branches|exit-handler)-\d+")


def execute(
    pipeline: CompiledPipeline, arguments: Mapping[str, Any], handler: TaskHandler
) -> dict[str, Any] | None:
    """Runs a graph to its end.

    Returns:
        The pipeline's outputs, None where a step failed.

    Raises:
        RunError: The graph asks for what kfp cannot run on one machine.
    """
    with _our_parts(), _strict_log(), _plain_errors():
        outputs, status = enhanced_dag_orchestrator.run_enhanced_dag(
            pipeline_resource_name=handler.folder.name,
            dag_component_spec=pipeline.root,
            executors=pipeline.executors,
            components=pipeline.components,
            dag_arguments=_with_absent(pipeline.root, arguments),
            pipeline_root=str(handler.folder.path),
            # kfp hands the runner down to every task, which is how ours reaches its steps.
            runner=handler,
            unique_pipeline_id=identity(handler.folder.name),
            fail_stack=[],
        )
    return outputs if status == Status.SUCCESS else None


def step_name(path: str) -> str:
    """Names a step for people: its place in the graph without the compiler's own groups."""
    return "/".join(part for part in path.split("/") if not _BLOCK.fullmatch(part))


def _execute_task(
    *,
    task_name: str,
    task_spec: pb.PipelineTaskSpec,
    pipeline_resource_name: str,
    components: dict[str, pb.ComponentSpec],
    executors: dict[str, pb.PipelineDeploymentConfig.ExecutorSpec],
    io_store: IOStore,
    runner: TaskHandler,
    **rest: Any,
) -> tuple[dict[str, Any], Status]:
    condition = task_spec.trigger_policy.condition
    inputs = OrchestratorUtils.make_task_arguments(task_spec.inputs, io_store)
    if condition and not holds(condition, inputs):
        return {}, Status.SUCCESS
    component = components[task_spec.component_ref.name]
    # The resource name grows with each nested graph; without that, equal names would share files.
    place = f"{pipeline_resource_name}/{task_name}"
    if component.WhichOneof("implementation") == "dag":
        # kfp's way lets a parent's value replace a nested default, and loses artifacts at times.
        result: tuple[dict[str, Any], Status] = enhanced_dag_orchestrator.run_enhanced_dag(
            pipeline_resource_name=place,
            dag_component_spec=component,
            components=components,
            executors=executors,
            dag_arguments=_with_absent(component, inputs),
            runner=runner,
            parent_io_store=io_store,
            **rest,
        )
        return result
    job_name, _, path = place.partition("/")
    executor = executors[component.executor_label]
    if executor.WhichOneof("spec") != "container":
        raise RunError(f"step {task_name} is an importer; this runner has containers only")
    call = make_call(
        path=path,
        job_name=job_name,
        component=component,
        container=executor.container,
        task=task_spec,
        arguments=inputs,
        outputs_folder=runner.folder.step(path) / "outputs",
    )
    outputs = runner.run(step_name(path), call)
    return ({}, Status.FAILURE) if outputs is None else (outputs, Status.SUCCESS)


def _with_absent(graph: pb.ComponentSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    # kfp looks for an optional artifact that was not given, and fails.
    optional = (k for k, spec in graph.input_definitions.artifacts.items() if spec.is_optional)
    return dict.fromkeys(optional) | dict(inputs)


class _EveryBlock:
    """Lets every conditional block come to `_execute_task`, which knows the block's inputs."""

    def evaluate_condition(self, condition: str, io_store: IOStore) -> bool:
        """Says yes."""
        return True


def _sort_tasks(tasks: Mapping[str, pb.PipelineTaskSpec]) -> list[str]:
    # A protobuf map has no order, and independent steps should run in the same one every time.
    order: list[str] = _KFP_SORT_TASKS(dict(sorted(tasks.items())))
    return order


@contextmanager
def _our_parts() -> Iterator[None]:
    ours = (
        (enhanced_dag_orchestrator, "execute_task", _execute_task),
        (enhanced_dag_orchestrator, "ConditionEvaluator", _EveryBlock),
        (graph_utils, "topological_sort_tasks", _sort_tasks),
    )
    theirs = [getattr(module, name) for module, name, _ in ours]
    for module, name, part in ours:
        setattr(module, name, part)
    try:
        yield
    finally:
        for (module, name, _), part in zip(ours, theirs, strict=True):
            setattr(module, name, part)


class _StrictHandler(logging.Handler):
    """Makes an error of what kfp only warns about: it goes on with a wrong value."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and "/kfp/local/" in record.pathname:
            raise RunError(f"kfp could not follow the pipeline: {record.getMessage()}")


@contextmanager
def _strict_log() -> Iterator[None]:
    # A root handler also keeps kfp's bare logging calls from installing one of their own.
    handler = _StrictHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        # What kfp raises for an input that it cannot find.
        raise RunError(f"kfp could not follow the pipeline: {error}") from error
