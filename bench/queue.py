"""Jobs a second of `flask rq worker`: ours, Flask-RQ's as shipped, and Celery's with the same job."""

import os
import subprocess
import sys
import time

from bench.place import ROOT, Place, burst, in_the_app, pace, place_for, valkey
from bench.report import Line

JOBS = 1_000
SHIPPED_JOBS = 6
SHIPPED, CELERY = 80, 0.6
"""The goals."""
GIVE_UP_SECONDS = 120.0


def measure_queue(database: str) -> list[Line]:
    """One worker each, a thousand jobs that were there before it, and half a dozen for the one as shipped."""
    with place_for(database) as place, valkey(place):
        celery = _celery_a_second(place)
        ours = _jobs_a_second(place, "ours", JOBS)
        shipped = _jobs_a_second(place, "shipped", SHIPPED_JOBS)
    return [
        Line(
            "`flask rq worker`: ours / as shipped",
            ours / shipped,
            SHIPPED,
            f"{ours:.0f} / {shipped:.1f} jobs a second",
            at_least=True,
        ),
        Line(
            "`flask rq worker` / Celery prefork, one process each",
            ours / celery,
            CELERY,
            f"{ours:.0f} / {celery:.0f} jobs a second",
            at_least=True,
        ),
    ]


def _jobs_a_second(place: Place, worker: str, count: int) -> float:
    trace = place.folder / f"trace-{worker}"
    in_the_app(
        place, worker, f"for _ in range({count}): queue.enqueue('bench.queue_app.small', {str(trace)!r})"
    )
    burst(place, worker)
    return pace(trace)


def _celery_a_second(place: Place) -> float:
    trace = place.folder / "trace-celery"
    trace.touch()
    env = {**os.environ, **place.environment, "BENCH_WORKER": "celery"}
    script = (
        f"from bench.celery_app import small_task\nfor _ in range({JOBS}): small_task.delay({str(trace)!r})"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, check=True)
    command = [sys.executable, "-m", "celery", "--app", "bench.celery_app", "worker", "--loglevel", "ERROR"]
    worker = subprocess.Popen(
        [*command, "--pool", "prefork", "--concurrency", "1"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + GIVE_UP_SECONDS
        while trace.read_text().count("\n") < JOBS:
            if time.monotonic() > end:
                raise SystemExit("Celery did not finish its jobs")
            time.sleep(0.1)
    finally:
        worker.terminate()
        worker.wait()
    return pace(trace)
