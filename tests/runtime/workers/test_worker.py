"""`flask rq worker`, as a real process on a real Valkey."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from flask import Flask
from rq.serializers import JSONSerializer

from app import clock
from app.embedded import EmbeddedValkey
from app.prefork import Pulse
from app.worker import rq
from tests.patience import until
from tests.runtime.processtools import Program, children_of, has_pending, is_alive
from tests.runtime.workers.conftest import COMMAND, Notes

pytestmark = pytest.mark.usefixtures("running")


def test_queues_speak_json_and_keep_nothing(app: Flask) -> None:
    with app.app_context():
        assert list(rq.queues) == ["events", "mail", "webhooks", "sync"]
        job = rq.queues["mail"].enqueue("tests.runtime.sample.write", "x")
    assert job.serializer is JSONSerializer
    assert (job.timeout, job.result_ttl, job.failure_ttl) == (300, 0, 24 * 3600)


def test_a_burst_does_what_is_there_and_ends(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    for number in range(20):
        enqueue("write", f"job{number}")
    with Program(*COMMAND, "--burst", env=env) as worker:
        assert worker.end(60) == 0, worker.said()
    assert len(notes.lines("job")) == 20
    assert len({line.split()[1] for line in notes.lines("job")}) == 1


def test_a_job_that_is_done_leaves_nothing_behind_and_is_counted(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes, app: Flask
) -> None:
    with app.app_context():
        kept = rq.queues["events"].enqueue("tests.runtime.sample.write", "kept", result_ttl=60)
        with pytest.raises(ValueError, match="depends on no other"):
            rq.queues["events"].enqueue("tests.runtime.sample.write", "x", depends_on=kept)
    for number in range(5):
        enqueue("write", f"job{number}")
    with Program(*COMMAND, "--burst", env=env) as worker:
        assert worker.end(60) == 0, worker.said()
    with app.app_context():
        queue = rq.queues["events"]
        names = [key.decode() for key in queue.connection.keys("rq:*")]
        assert [name for name in names if name.startswith("rq:job:")] == [f"rq:job:{kept.id}"]
        assert [name for name in names if "execution" in name] == []
        assert queue.started_job_registry.count == 0
        assert kept.return_value() is None
        assert len(notes.lines("job")) == 5


def test_a_crash_in_a_job_costs_that_job_only(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    with Program(*COMMAND, "events", env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        enqueue("crash")
        for number in range(5):
            enqueue("write", f"job{number}")
        until(lambda: len(notes.lines("job")) == 5)
        assert len(notes.lines("child")) == 2
        assert "SIGSEGV" in worker.said() or "-11" in worker.said()


def test_a_stop_signal_ends_parent_and_child_at_once(env: Mapping[str, str], notes: Notes) -> None:
    with Program(*COMMAND, env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        children = until(lambda: children_of(worker.pid))
        worker.signal(signal.SIGTERM)
        worker.end(2)
        assert not any(is_alive(pid) for pid in children)


def test_a_stop_while_the_child_is_being_born_is_not_lost(
    env: Mapping[str, str], notes: Notes, tmp_path: Path
) -> None:
    script = (
        "import app.processes as processes\n"
        "from tests.runtime.sample import app, note, rq, wait_for\n"
        "follow = processes._follow\n"
        f"processes._follow = lambda parent: (wait_for.func({str(tmp_path / 'go')!r}), follow(parent))\n"
        "app.app_context().push(); rq.make_worker(['events']).work()"
    )
    with Program("-c", script, env=env) as worker:
        child = int(until(lambda: notes.lines("wait "), 60)[0].split()[1])
        worker.signal(signal.SIGTERM)
        until(lambda: has_pending(child, signal.SIGTERM))
        (tmp_path / "go").touch()
        worker.end(5)
        assert not is_alive(child)


def test_a_stop_ends_what_keeps_every_exception_to_itself(
    env: Mapping[str, str], notes: Notes, tmp_path: Path
) -> None:
    script = (
        "from tests.runtime.sample import app, note, rq, wait_for\n"
        "@rq.on_child_start\n"
        "def keep(_app):\n"
        "    while True:\n"
        "        try: wait_for.func('/nowhere')\n"
        "        except Exception: pass\n"
        "app.app_context().push(); rq.make_worker(['events']).work()"
    )
    with Program("-c", script, env=env) as worker:
        child = int(until(lambda: notes.lines("wait "), 60)[0].split()[1])
        worker.signal(signal.SIGTERM)
        worker.end(5)
        assert not is_alive(child)


def test_a_child_that_takes_no_stop_is_killed_after_a_while(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    script = (
        "import app.prefork as prefork; prefork.LAST_WORDS_SECONDS = 1\n"
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work()"
    )
    with Program("-c", script, env=env) as worker:
        enqueue("hang")
        hung = int(until(lambda: notes.lines("hang"), 60)[0].split()[1])
        worker.signal(signal.SIGTERM)
        worker.end(10)
        assert not is_alive(hung)
        assert "told to stop and goes on" in worker.said()


def test_a_killed_parent_leaves_no_child(env: Mapping[str, str], notes: Notes) -> None:
    with Program(*COMMAND, env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        children = until(lambda: children_of(worker.pid))
        worker.signal(signal.SIGKILL)
        until(lambda: not any(is_alive(pid) for pid in children), 15)


def test_it_starts_without_redis_and_works_once_redis_is_there(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes, server: EmbeddedValkey
) -> None:
    server.stop()
    with Program(*COMMAND, env=env) as worker:
        until(lambda: notes.lines("child"), 60)  # what must run without Redis runs
        worker.wait_for("No Redis")
        server.start()
        enqueue("write", "job")
        until(lambda: notes.lines("job"), 10)
        assert len(notes.lines("child")) == 1


def test_it_outlives_an_outage_of_redis(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes, server: EmbeddedValkey
) -> None:
    with Program(*COMMAND, env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        enqueue("write", "job-before")
        until(lambda: notes.lines("job-before"))
        server.stop()
        worker.wait_for("Redis")
        server.start()
        enqueue("write", "job-after")
        until(lambda: notes.lines("job-after"), 15)
        assert len(notes.lines("child")) == 1


def test_a_full_queue_does_not_hold_up_those_behind_it(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    for number in range(10):
        enqueue("write", f"mail{number}", queue="mail")
    enqueue("write", "hook", queue="webhooks")
    with Program(*COMMAND, "mail", "webhooks", "--burst", env=env) as worker:
        assert worker.end(60) == 0
    order = [line.split()[0] for line in notes.lines() if line.startswith(("mail", "hook"))]
    assert len(order) == 11
    assert order.index("hook") == 1


def test_a_worn_child_is_replaced_and_no_job_lost(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    script = (
        "import app.worker_child as child; child.RECYCLE_JOBS = 4\n"
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work(burst=True)"
    )
    for number in range(10):
        enqueue("write", f"job{number}")
    with Program("-c", script, env=env) as worker:
        worker.end(60)
    assert len(notes.lines("job")) == 10
    assert len(notes.lines("child")) == 3


def test_waiting_for_a_job_is_no_timeout(env: Mapping[str, str], notes: Notes) -> None:
    script = (
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work(max_idle_time=7)"
    )
    with Program("-c", script, env=env) as worker:
        assert worker.end(60) == 0
        assert "Timeout" not in worker.said()
        assert "Redis" not in worker.said()


def test_a_child_that_keeps_no_promise_counts_as_hung() -> None:
    pulse = Pulse()
    pulse.promise(300)
    assert not pulse.is_broken()
    pulse.promise(-61)
    assert pulse.is_broken()


def test_a_hung_child_is_killed_and_replaced(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    script = (
        "import app.lean_worker as lean; lean.GRACE_SECONDS = 1\n"
        "import app.prefork as prefork; prefork.WORKER_TTL_SECONDS = 2\n"
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work()"
    )
    with Program("-c", script, env=env) as worker:
        first = int(until(lambda: notes.lines("child"), 60)[0].split()[1])
        enqueue("write", "job0")
        until(lambda: notes.lines("job0"))
        os.kill(first, signal.SIGSTOP)
        until(lambda: len(notes.lines("child")) == 2, 15)
        enqueue("write", "job1")
        until(lambda: notes.lines("job1"))
        assert not is_alive(first)
        assert "no life" in worker.said()


def test_a_job_that_hangs_in_c_code_is_ended_after_its_time_and_the_next_one_is_done(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes, app: Flask
) -> None:
    """It holds the interpreter's lock and lets no signal in: only the parent can see that there is no life."""
    script = (
        "import app.lean_worker as lean; lean.GRACE_SECONDS = 1\n"
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work()"
    )
    with Program("-c", script, env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        with app.app_context():
            rq.queues["events"].enqueue("tests.runtime.sample.hang", job_timeout=1)
        enqueue("write", "job-after")
        hung = int(until(lambda: notes.lines("hang"))[0].split()[1])
        until(lambda: notes.lines("job-after"), 15)
        assert not is_alive(hung)
        assert "no life" in worker.said()


def test_a_job_that_may_take_longer_than_the_heart_rests_is_let_be(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes, app: Flask, tmp_path: Path
) -> None:
    script = (
        "import app.lean_worker as lean; lean.GRACE_SECONDS = 0.5\n"
        "import app.prefork as prefork; prefork.WORKER_TTL_SECONDS = 2\n"
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work()"
    )
    with Program("-c", script, env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        enqueue("wait_for", str(tmp_path / "go"))
        until(lambda: notes.lines("wait "))
        began = clock.monotonic()
        until(lambda: clock.monotonic() - began > 3.5)
        (tmp_path / "go").touch()
        until(lambda: notes.lines("waited"), 10)
        assert "no life" not in worker.said()


def test_a_child_that_has_grown_too_large_is_replaced_between_two_jobs(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    script = (
        "import app.lean_worker as lean; lean.RECYCLE_RSS_BYTES = 200 * 2**20; lean.LOOK_AT_MEMORY_EVERY = 1\n"
        "from tests.runtime.sample import app, rq\n"
        "app.app_context().push(); rq.make_worker(['events']).work(burst=True)"
    )
    for _ in range(3):
        enqueue("leak", 120)
    enqueue("write", "job")
    with Program("-c", script, env=env) as worker:
        worker.end(60)
        assert "ended with" not in worker.said()
    assert len(notes.lines("leak")) == 3
    assert len(notes.lines("job")) == 1
    assert 2 <= len({line.split()[1] for line in notes.lines("leak")}) <= 3


def test_a_stop_in_the_middle_of_a_job_lets_it_finish_and_takes_no_other(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes, tmp_path: Path
) -> None:
    with Program(*COMMAND, "events", env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        enqueue("wait_for", str(tmp_path / "go"))
        enqueue("write", "job-later")
        until(lambda: notes.lines("wait "))
        worker.signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        worker.end(5)
        assert len(notes.lines("waited")) == 1
        assert notes.lines("job-later") == []
    with Program(*COMMAND, "events", "--burst", env=env) as another:
        another.end(60)
    assert len(notes.lines("job-later")) == 1


def test_a_child_killed_for_its_memory_is_replaced(
    env: Mapping[str, str], enqueue: Callable[..., None], notes: Notes
) -> None:
    """As the system does it when a limit is reached: without asking, in the middle of a job."""
    with Program(*COMMAND, "events", env=env) as worker:
        until(lambda: notes.lines("child"), 60)
        enqueue("wait_for", "/nowhere")
        child = int(until(lambda: notes.lines("wait "))[0].split()[1])
        os.kill(child, signal.SIGKILL)
        enqueue("write", "job")
        until(lambda: notes.lines("job"), 15)
        assert len(notes.lines("child")) == 2
        assert "ended with -9" in worker.said()
