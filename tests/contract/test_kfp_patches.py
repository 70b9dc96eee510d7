"""What the laptop runner replaces in kfp is still there, and is still used as it was."""

import inspect

import kfp
from kfp.local import graph_utils
from kfp.local.orchestrator import enhanced_dag_orchestrator
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils

from pipelines.local import orchestration


def test_an_upgrade_of_kfp_did_not_move_what_is_patched() -> None:
    assert kfp.__version__.startswith("2.17."), "read kfp/local again, then move this version on"
    assert f"read at version {kfp.__version__}" in (orchestration.__doc__ or "")
    replaced = {name for _, name, _ in orchestration.PATCHES}
    assert replaced == {"execute_task", "ConditionEvaluator", "topological_sort_tasks"}
    # Each is looked up in its module at every call; a name bound elsewhere is not replaced.
    assert enhanced_dag_orchestrator.graph_utils is graph_utils
    used = set(_names(enhanced_dag_orchestrator))
    assert replaced <= used

    ours = inspect.signature(orchestration._execute_task).parameters
    named = {n for n, p in ours.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named <= set(inspect.signature(enhanced_dag_orchestrator.execute_task).parameters)
    run = inspect.signature(enhanced_dag_orchestrator.run_enhanced_dag).parameters
    assert {"runner", "parent_io_store", "dag_arguments", "unique_pipeline_id"} <= set(run)
    evaluate = enhanced_dag_orchestrator.ConditionEvaluator.evaluate_condition
    assert list(inspect.signature(evaluate).parameters)[-2:] == ["condition", "io_store"]
    assert list(inspect.signature(graph_utils.topological_sort_tasks).parameters) == ["tasks"]
    assert callable(OrchestratorUtils.make_task_arguments)


def test_kfp_is_as_it_was_after_a_run() -> None:
    before = [getattr(module, name) for module, name, _ in orchestration.PATCHES]
    with orchestration.patch_kfp():
        for module, name, part in orchestration.PATCHES:
            assert getattr(module, name) is part
    assert [getattr(module, name) for module, name, _ in orchestration.PATCHES] == before


def _names(module: object) -> list[str]:
    functions = [f for _, f in inspect.getmembers(module, inspect.isfunction)]
    return [name for function in functions for name in function.__code__.co_names]
