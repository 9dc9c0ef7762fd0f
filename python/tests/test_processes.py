"""Forks, the exit of the interpreter, other interpreters, threads."""

import contextvars
import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from receiver import Recorded, Sink

from continuum.observability import get_tracer, init_telemetry, shutdown_telemetry, stats
from continuum.observability.context import get_trace_id

tracer = get_tracer(__name__)

PREAMBLE = """
import os, sys
from continuum.observability import *
init_telemetry(exporter_type="otlp", config={"OTEL_EXPORTER_OTLP_ENDPOINT": sys.argv[1]})
tracer = get_tracer("program")
"""


def run(sink: Sink, program: str) -> str:
    """Runs a program that has set telemetry up; gives what it printed."""
    source = PREAMBLE + textwrap.dedent(program)
    done = subprocess.run(
        # Later Pythons warn of every fork of a process with threads, ours among them.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", source, sink.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_exit_of_the_interpreter_delivers_what_is_left(sink: Sink) -> None:
    run(sink, "tracer.start_span('last').end()")
    assert [span.name for span in sink.spans()] == ["last"]


@pytest.mark.parametrize("waits", ["", "10000"])
def test_spans_that_are_open_at_the_exit_do_no_harm(
    sink: Sink, waits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTINUUM_WAIT_WHEN_FULL", waits)
    run(
        sink,
        """
        import threading, time
        open_span = tracer.start_as_current_span("open")
        open_span.__enter__()
        holds = threading.Event()

        def hold():
            with tracer.start_as_current_span("held") as span:
                span.record_exception(ValueError("no"))
                holds.set()
                time.sleep(60)

        threading.Thread(target=hold, daemon=True).start()
        holds.wait()
        """,
    )


def test_a_forked_child_has_ids_and_an_exporter_of_its_own(sink: Sink) -> None:
    printed = run(
        sink,
        """
        with tracer.start_as_current_span("parent"):
            pid = os.fork()
            with tracer.start_as_current_span("in_child" if pid == 0 else "in_parent"):
                pass
            if pid == 0:
                force_flush()
                os._exit(0)
            os.waitpid(pid, 0)
        print(pid)
        """,
    )
    spans = {span.name: span for span in sink.spans()}
    assert sorted(spans) == ["in_child", "in_parent", "parent"]
    assert len(sink.spans()) == 3
    assert spans["in_child"].span_id != spans["in_parent"].span_id
    assert spans["in_child"].parent_span_id == spans["parent"].span_id
    assert spans["in_child"].resource["process.pid"] == int(printed)


def test_a_forked_child_of_multiprocessing_delivers_its_spans(sink: Sink) -> None:
    run(
        sink,
        """
        import multiprocessing
        context = multiprocessing.get_context("fork")
        child = context.Process(target=lambda: tracer.start_span("in_child").end())
        child.start()
        child.join()
        assert child.exitcode == 0
        """,
    )
    assert [span.name for span in sink.spans()] == ["in_child"]


def test_a_spawned_child_of_multiprocessing_delivers_its_spans(sink: Sink, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing, sys
from continuum.observability import get_tracer, init_telemetry

def work(url):
    init_telemetry(exporter_type="otlp", config={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    get_tracer("program").start_span("in_child").end()

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=work, args=sys.argv[1:])
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""
    )
    subprocess.run([sys.executable, program, sink.url], timeout=60, check=True)
    assert [span.name for span in sink.spans()] == ["in_child"]


def test_a_child_of_a_fork_server_delivers_its_spans(sink: Sink, tmp_path: Path) -> None:
    # The package is first imported in the child, after the fork that multiprocessing knows of.
    program = """
import multiprocessing, sys

def work(url):
    from continuum.observability import get_tracer, init_telemetry
    init_telemetry(exporter_type="otlp", config={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    get_tracer("program").start_span("in_child").end()

if __name__ == "__main__":
    child = multiprocessing.get_context("forkserver").Process(target=work, args=(sys.argv[1],))
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""
    path = tmp_path / "program.py"
    path.write_text(program)
    subprocess.run([sys.executable, str(path), sink.url], timeout=60, check=True)
    assert [span.name for span in sink.spans()] == ["in_child"]


def test_a_child_counts_though_a_thread_held_a_lock_at_the_fork(sink: Sink) -> None:
    printed = run(
        sink,
        """
        from continuum.observability import metrics
        metrics._lock.acquire()
        pid = os.fork()
        if pid == 0:
            metrics.Counter("requests_total").add()
            os._exit(int(metrics.snapshot()["continuum_requests_total"]))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
    )
    assert printed == "1\n"


def test_a_second_interpreter_gets_a_clear_error(sink: Sink) -> None:
    printed = run(
        sink,
        """
        try:
            import _interpreters as interpreters
            second = interpreters.create("legacy")
        except ImportError:
            import _xxsubinterpreters as interpreters
            second = interpreters.create(isolated=False)
        interpreters.run_string(second, '''if True:
            try:
                import continuum.observability
            except ImportError as error:
                print(error, flush=True)
        ''')
        """,
    )
    assert "one interpreter of a process" in printed


def test_threads_of_a_pool_record_without_waiting_for_each_other(recorded: Recorded) -> None:
    def work(number: int) -> str | None:
        with tracer.start_as_current_span("work") as span:
            span.set_attribute("number", number)
            return get_trace_id()

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(work, range(100)))
    spans = recorded.spans()
    assert len(set(ids)) == 100
    assert sorted(span.attributes["number"] for span in spans) == list(range(100))


def test_a_thread_of_a_pool_inherits_only_what_it_is_given(recorded: Recorded) -> None:
    def work(name: str) -> None:
        tracer.start_span(name).end()

    with tracer.start_as_current_span("outer"), ThreadPoolExecutor(1) as pool:
        pool.submit(work, "alone").result()
        pool.submit(contextvars.copy_context().run, work, "given").result()
    assert recorded.tree() == "outer\n  given\nalone"


@pytest.mark.parametrize("forgotten", [False, True])
def test_the_interpreter_runs_on_while_a_span_waits_for_room(sink: Sink, forgotten: bool) -> None:
    # The receiver is a thread of this process: it could not answer, and so make room.
    config = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "CONTINUUM_WAIT_WHEN_FULL": 10_000,
        "OTEL_BSP_MAX_QUEUE_SIZE": 100,
    }
    init_telemetry(exporter_type="otlp", config=config)
    before = stats()["dropped"]
    for _ in range(20_000):
        span = tracer.start_span("one")
        if not forgotten:
            span.end()
        del span
    assert shutdown_telemetry()
    assert (stats()["dropped"] - before, len(sink.spans())) == (0, 20_000)


class Passer:
    """A thread that counts how often this one let others run, which it does not do by itself."""

    def __init__(self) -> None:
        self.count = 0
        self._goes_on = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while self._goes_on:
            self.count += 1
            time.sleep(0)

    def __enter__(self) -> "Passer":
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(1_000)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._goes_on = False
        sys.setswitchinterval(self._interval)
        self._thread.join()


@pytest.mark.parametrize("case", ["ended", "sampled out", "shut down"])
def test_a_span_that_cannot_wait_keeps_the_interpreters_lock(
    start: Callable[..., Recorded], case: str
) -> None:
    rate = 0.0 if case == "sampled out" else 1.0
    config = {"CONTINUUM_WAIT_WHEN_FULL": 10_000, "OTEL_SAMPLE_ERRORS_ALWAYS": False}
    start(sampling_rate=rate, config=config)
    spans = [tracer.start_span("one") for _ in range(20_000)]
    if case == "ended":
        for span in spans:
            span.end()
        del span
    if case == "shut down":
        shutdown_telemetry()
    with Passer() as passer:
        before = passer.count
        if case == "sampled out":
            for span in spans:
                span.end()
            del span
        spans.clear()
        after = passer.count
    assert before == after


def test_a_span_is_described_and_ended_by_another_thread(recorded: Recorded) -> None:
    span = tracer.start_span("shared")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(span.set_attribute, "elsewhere", True).result()
        pool.submit(span.end).result()
    span.set_attribute("late", True)
    assert recorded.named("shared").attributes == {"elsewhere": True}


def test_the_interpreter_runs_on_while_spans_are_delivered(recorded: Recorded) -> None:
    # The sink is a thread of this interpreter: it could not answer otherwise.
    tracer.start_span("one").end()
    assert [span.name for span in recorded.spans()] == ["one"]
    counts = stats()
    assert counts["started"] == counts["exported"] == 1


def test_a_disabled_sdk_records_nothing(sink: Sink) -> None:
    printed = run(
        sink,
        """
        shutdown_telemetry()
        os.environ["OTEL_SDK_DISABLED"] = "true"
        init_telemetry()
        with tracer.start_as_current_span("unseen") as span:
            print(span.is_recording(), stats()["started"])
        """,
    )
    assert printed == "False 0\n"
    assert sink.spans() == []


def test_nothing_is_recorded_before_the_start(sink: Sink) -> None:
    program = "from continuum.observability import *\n" + textwrap.dedent(
        """
        import json
        with get_tracer("early").start_as_current_span("early") as span:
            print(json.dumps([span.is_recording(), span.get_span_context().is_valid]))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == [False, False]
