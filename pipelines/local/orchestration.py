"""kfp's own local orchestration of a compiled graph, with Ratoon's steps at its leaves.

This is the one place that patches kfp, read at version 2.17.3 (`kfp/local`): `PATCHES` lists what
is replaced and why, and `tests/contract/test_kfp_patches.py` fails when an upgrade moves it.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from kfp.local import graph_utils
from kfp.local.io import IOStore
from kfp.local.orchestrator import enhanced_dag_orchestrator
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils
from kfp.local.status import Status
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from components.core.errors import RunError
from pipelines.local.graph import LocalPipeline, make_call, stable_id
from pipelines.local.task_handler import TaskHandler

# The compiler writes the common expression language; these are the words it uses of it.
_TO_PYTHON = (("&&", " and "), ("||", " or "), ("!(", " not ("))
_WORDS = {"true": True, "false": False, "null": None, "int": int, "double": float}
# Groups that the compiler makes of `with` blocks; they are no names that anyone gave.
_BLOCK = re.compile(r"(condition|condition-branches|exit-handler)-\d+")


@contextmanager
def patch_kfp() -> Iterator[None]:
    """Puts our parts in the place of kfp's for as long as the block lasts."""
    originals = [getattr(module, name) for module, name, _ in PATCHES]
    for module, name, part in PATCHES:
        setattr(module, name, part)
    try:
        yield
    finally:
        for (module, name, _), part in zip(PATCHES, originals, strict=True):
            setattr(module, name, part)


def execute(
    pipeline: LocalPipeline, arguments: Mapping[str, Any], handler: TaskHandler
) -> dict[str, Any] | None:
    """Runs a graph to its end.

    Returns:
        The pipeline's outputs; None if a step failed.

    Raises:
        RunError: The graph asks for what kfp cannot run on one machine.
    """
    with patch_kfp(), _problems_as_run_errors():
        outputs, status = enhanced_dag_orchestrator.run_enhanced_dag(
            pipeline_resource_name=handler.folder.name,
            dag_component_spec=pipeline.root,
            executors=pipeline.executors,
            components=pipeline.components,
            dag_arguments=_with_absent(pipeline.root, arguments),
            pipeline_root=str(handler.folder.path),
            # kfp hands the runner down to every task, which is how this one reaches its steps.
            runner=handler,
            unique_pipeline_id=stable_id(handler.folder.name),
            fail_stack=[],
        )
    return outputs if status == Status.SUCCESS else None


def step_name(path: str) -> str:
    """A step's name for people: its path in the graph without the compiler's own groups."""
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
    if condition and not evaluate_condition(condition, inputs):
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
    outputs_folder = runner.folder.path / path / "outputs"
    call = make_call(
        path, job_name, component, executor.container, task_spec, inputs, outputs_folder
    )
    outputs = runner.run(step_name(path), call)
    return ({}, Status.FAILURE) if outputs is None else (outputs, Status.SUCCESS)


def _with_absent(graph: pb.ComponentSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    # kfp looks for an optional artifact that was not given, and fails.
    optional = (k for k, spec in graph.input_definitions.artifacts.items() if spec.is_optional)
    return dict.fromkeys(optional) | dict(inputs)


def evaluate_condition(condition: str, values: Mapping[str, object]) -> bool:
    """Evaluates the condition of a block, such as `inputs.parameter_values['x'] == 'y'`.

    Raises:
        RunError: The condition cannot be evaluated; skipping the block would hide that.
    """
    expression = condition
    for theirs, ours in _TO_PYTHON:
        expression = expression.replace(theirs, ours)
    inputs = SimpleNamespace(parameter_values=values)
    names: dict[str, object] = {"__builtins__": {}, "inputs": inputs, **_WORDS}
    try:
        # The document it comes from names the commands to run, so it is trusted already.
        return bool(eval(expression.strip(), names))  # noqa: S307
    except (ArithmeticError, LookupError, NameError, SyntaxError, TypeError, ValueError) as error:
        raise RunError(f"the condition {condition!r} cannot be evaluated: {error!r}") from error


class _AlwaysTrue:
    """Lets every conditional block come to `_execute_task`, which knows the block's inputs."""

    def evaluate_condition(self, condition: str, io_store: IOStore) -> bool:
        """True."""
        return True


_SORT_TASKS = graph_utils.topological_sort_tasks


def _sort_tasks(tasks: Mapping[str, pb.PipelineTaskSpec]) -> list[str]:
    order: list[str] = _SORT_TASKS(dict(sorted(tasks.items())))
    return order


PATCHES: tuple[tuple[ModuleType, str, object], ...] = (
    # A task runs in its image's virtualenv; kfp would run a container or install the packages.
    (enhanced_dag_orchestrator, "execute_task", _execute_task),
    # kfp finds only outputs that are called `Output`: it reads any other name as a parameter of the
    # pipeline, does not find it, and answers no. `evaluate_condition` uses the block's own inputs.
    (enhanced_dag_orchestrator, "ConditionEvaluator", _AlwaysTrue),
    # A protobuf map has no order, and independent steps should run in the same one every time.
    (graph_utils, "topological_sort_tasks", _sort_tasks),
)


class _WarningsAsErrors(logging.Handler):
    """Makes an error of what kfp only warns about: it goes on with a wrong value."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and "/kfp/local/" in record.pathname:
            raise RunError(f"kfp could not follow the pipeline: {record.getMessage()}")


@contextmanager
def _problems_as_run_errors() -> Iterator[None]:
    # A root handler also keeps kfp's bare logging calls from installing one of their own.
    handler = _WarningsAsErrors()
    logging.getLogger().addHandler(handler)
    try:
        yield
    except ValueError as error:
        # What kfp raises for an input that it cannot find.
        raise RunError(f"kfp could not follow the pipeline: {error}") from error
    finally:
        logging.getLogger().removeHandler(handler)
