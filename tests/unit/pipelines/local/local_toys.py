"""Toy components and pipelines: small enough to run in a tenth of a second, each in a real image.

No `from __future__ import annotations` here: KFP reads annotations plainly, and knows `Optional`
but not `| None`.
"""
# A component's body stands alone, so imports are paid for by each; plain `open` needs none.
# ruff: noqa: PTH103, PTH105, PTH110, PTH118, PTH123, T201, UP045, B006

from typing import NamedTuple, Optional

from kfp import dsl, kubernetes

DATA, MODEL, OPS = (f"registry.example:5000/team/ratoon-{n}:1.2" for n in ("data", "model", "ops"))


@dsl.component(base_image=DATA, install_kfp_package=False)
def judge(decision: str, counter: str, run_name: str) -> NamedTuple(
    "Verdict", [("decision", str), ("reason", str)]
):
    """Decides what it is told to decide, and counts that it ran."""
    with open(counter, "a") as stream:
        stream.write(run_name + "\n")
    return (decision, f"because it's {decision} && so\nsecond line")


@dsl.component(base_image=DATA, install_kfp_package=False)
def make_table(
    rows: int,
    counter: str,
    table: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    curve: dsl.Output[dsl.ClassificationMetrics],
) -> str:
    """Writes a folder, a page and metrics, and counts that it ran."""
    import os
    import sys

    with open(counter, "a") as stream:
        stream.write("table\n")
    os.makedirs(table.path)
    with open(os.path.join(table.path, "part-0"), "w") as stream:
        stream.write("row\n" * rows)
    with open(report.path, "w") as stream:
        stream.write("<p>fine</p>")
    metrics.log_metric("rows", rows)
    curve.log_roc_curve([0.0, 1.0], [0.0, 1.0], [1.0, 0.0])
    return sys.prefix


@dsl.component(base_image=MODEL, install_kfp_package=False)
def count_rows(table: dsl.Input[dsl.Dataset], note: Optional[str] = None) -> str:
    """Reads the folder of another image's step."""
    import os
    import sys

    with open(os.path.join(table.path, "part-0")) as stream:
        return f"{sys.prefix} {len(stream.readlines())} {note}"


@dsl.container_component
def write_words(text: str, words: dsl.Output[dsl.Artifact], length: dsl.OutputPath(int)):
    """A container without kfp: files only."""
    return dsl.ContainerSpec(
        image=OPS,
        command=["sh", "-ec", 'printf "%s $VIRTUAL_ENV" "$0" > "$1"; printf 7 > "$2"'],
        args=[text, words.path, length],
    )


@dsl.component(base_image=OPS, install_kfp_package=False)
def tell_environment(names: list) -> dict:
    """Returns environment variables and the import path."""
    import os
    import sys

    return {name: os.environ.get(name, "") for name in names} | {"sys.path": sys.path}


@dsl.component(base_image=OPS, install_kfp_package=False)
def say(text: str) -> str:
    """Says one thing."""
    print("said: " + text)
    return text


@dsl.component(base_image=MODEL, install_kfp_package=False)
def fail(text: str):
    """Fails as a step that cannot reach a verdict."""
    raise LookupError(text)


@dsl.component(base_image=MODEL, install_kfp_package=False)
def fail_once(counter: str):
    """Fails the first time."""
    with open(counter, "a+") as stream:
        stream.write("try\n")
        stream.seek(0)
        if len(stream.readlines()) == 1:
            raise ConnectionError("try again")


@dsl.component(base_image=MODEL, install_kfp_package=False)
def refuse(counter: str):
    """Fails because of what a person has to mend."""
    from components.core.errors import InputError

    with open(counter, "a") as stream:
        stream.write("try\n")
    raise InputError("model.yaml: label", "lat", "a column", "Look again.")


@dsl.component(base_image=MODEL, install_kfp_package=False)
def hang_once(counter: str, table: dsl.Input[dsl.Dataset], left: dsl.Output[dsl.Artifact]):
    """Leaves a server behind and hangs the first time, half of its output written."""
    import os
    import subprocess
    import time

    assert not os.path.exists(left.path), "an earlier attempt's output is still here"
    with open(left.path, "w") as stream:
        stream.write("half")
    first = not os.path.exists(counter)
    server = subprocess.Popen(["sleep", "60"], start_new_session=True)
    helper = subprocess.Popen(["sleep", "60"])
    with open(counter + ".new", "w") as stream:
        stream.write(f"{os.getpid()} {server.pid} {helper.pid}")
    os.replace(counter + ".new", counter if first else counter + ".second")
    if first:
        time.sleep(60)
    with open(left.path, "w") as stream:
        stream.write("whole")


@dsl.component(base_image=OPS, install_kfp_package=False)
def measure(value: float, metrics: dsl.Output[dsl.Metrics]):
    """Logs a metric, finite or not."""
    metrics.log_metric("value", float("inf") if value < 0 else value)


@dsl.component(base_image=OPS, install_kfp_package=False)
def leave(code: int):
    """Ends without a traceback."""
    print("last words")
    raise SystemExit(code)


@dsl.component(base_image=OPS, install_kfp_package=False)
def farewell(status: dsl.PipelineTaskFinalStatus) -> str:
    """Tells how the others ended."""
    return status.state


@dsl.component(base_image=OPS, install_kfp_package=False)
def show_given(
    text: Optional[str] = None, table: Optional[dsl.Input[dsl.Dataset]] = None, words: list = []
) -> list:
    """Shows which optional inputs came."""
    return [text, table is None, words]


@dsl.pipeline(name="inner")
def inner(table: dsl.Input[dsl.Dataset]):
    """A pipeline with one artifact and no parameter; its step has a name of the outer one."""
    told = say(text="inner")
    write_words(text=told.output)
    count_rows(table=table)


@dsl.pipeline(name="whole")
def whole(counter: str, decision: str = "retrain", rows: int = 3, note: Optional[str] = None):
    """All kinds of steps, in three images."""
    verdict = judge(
        decision=decision, counter=counter, run_name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER
    ).set_caching_options(False)
    table = make_table(rows=rows, counter=counter)
    say(text="outer")
    with dsl.If(verdict.outputs["decision"] == "retrain"):
        inner(table=table.outputs["table"])
        count_rows(table=table.outputs["table"], note=note).set_display_name("count in outer")
    with dsl.Else():
        say(text="nothing to do")


@dsl.pipeline(name="choice")
def choice(number: int = 0) -> str:
    """A pipeline output that one of two branches gives."""
    with dsl.If(number > 5):
        high = say(text="high")
    with dsl.Else():
        low = say(text="low")
    return dsl.OneOf(high.output, low.output)


@dsl.pipeline(name="loop")
def loop():
    """The same step for several items, and one that may be tried again."""
    with dsl.ParallelFor(["a", "b"]) as item:
        say(text=item)


@dsl.pipeline(name="again")
def again(counter: str):
    """A step that succeeds the second time."""
    fail_once(counter=counter).set_retry(1, backoff_duration="0s")


@dsl.pipeline(name="refused")
def refused(counter: str):
    """A step that no second try would help."""
    refuse(counter=counter).set_retry(2, backoff_duration="30s")


@dsl.pipeline(name="settled")
def settled(counter: str):
    """A step with all that a cluster may be told of it."""
    task = fail_once(counter=counter).set_retry(2, "0s", 2.0, "7200s")
    task.set_cpu_request("1").set_memory_limit("64Gi").set_caching_options(False)
    kubernetes.add_pod_label(task, "ratoon.dev/role", "model")
    kubernetes.set_security_context(task, run_as_user=10001, run_as_non_root=True)
    kubernetes.set_timeout(task, 3600)
    kubernetes.mount_pvc(task, "models", "/mnt/pvc/models")


@dsl.pipeline(name="broken")
def broken(text: str = "no such holdout"):
    """A step that fails, one behind it, and one beside it."""
    bad = fail(text=text)
    say(text="after").after(bad)
    say(text="beside")


@dsl.pipeline(name="slow")
def slow(counter: str, flag: str):
    """A step that reads the world, one that is cacheable, and one that hangs."""
    judged = judge(decision="go", counter=counter, run_name="x").set_caching_options(False)
    table = make_table(rows=2, counter=counter).after(judged)
    hang_once(counter=flag, table=table.outputs["table"])


@dsl.pipeline(name="surroundings")
def surroundings(names: list):
    """Shows what a step finds around it."""
    tell_environment(names=names).set_env_variable("DECLARED", "in the pipeline")


@dsl.pipeline(name="metric")
def metric(value: float):
    """A metric that may be no number."""
    measure(value=value)


@dsl.pipeline(name="parting")
def parting():
    """An exit handler."""
    with dsl.ExitHandler(farewell()):
        leave(code=3)


@dsl.pipeline(name="optional")
def optional(text: Optional[str] = "inner", table: Optional[dsl.Input[dsl.Dataset]] = None):
    """All inputs optional."""
    show_given(text=text, table=table)


@dsl.pipeline(name="defaults")
def defaults(text: str = "outer"):
    """Calls a pipeline with an input of the same name without giving it."""
    optional()
    show_given()
    show_given(text=text, words=["a"])
