"""`flask up`: everything under one roof."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.patience import until
from tests.runtime.processtools import ROOT, Program, children_of, is_alive

pytestmark = pytest.mark.slow


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return {"TIDINGS_INSTANCE": str(tmp_path / "ein schöner Ordner"), "TIDINGS_DEMO": "0"}


@pytest.fixture
def up(env: Mapping[str, str], free_port: int) -> Iterator[Program]:
    with Program("-m", "flask", "--app", "wsgi", "up", "--port", str(free_port), env=env) as supervisor:
        supervisor.wait_for(f"Tidings is ready: http://127.0.0.1:{free_port}", 90)
        until(lambda: len(programs(supervisor)) == 7, 60)
        yield supervisor


def programs(supervisor: Program) -> dict[int, str]:
    """What runs below the supervisor: Valkey, the web process, two parents and three children."""
    found = {}
    for pid in children_of(supervisor.pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            if not is_alive(pid):
                continue
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def pid_of(supervisor: Program, text: str) -> int:
    return next(pid for pid, command in programs(supervisor).items() if text in command)


def health(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
        return int(answer.status)


def test_ready_means_that_the_page_server_answers(up: Program, free_port: int) -> None:
    assert health(free_port) == 200
    commands = " ".join(programs(up).values())
    assert "valkey-server" in commands
    assert "rq worker events" in commands
    assert "rq worker mail events / webhooks sync events" in commands


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing_behind_within_three_seconds(up: Program, number: signal.Signals) -> None:
    family = list(programs(up))
    up.signal(number)
    assert up.end(3) == 0
    assert not any(is_alive(pid) for pid in family)


def test_a_stop_waits_for_nobody_who_does_not_stop(up: Program) -> None:
    family = list(programs(up))
    for text in ("app.serve", "rq worker events"):
        os.kill(pid_of(up, text), signal.SIGSTOP)
    up.signal(signal.SIGTERM)
    up.end(3)
    assert not any(is_alive(pid) for pid in family)


def test_killing_the_supervisor_takes_everything_with_it(up: Program) -> None:
    family = list(programs(up))
    up.signal(signal.SIGKILL)
    until(lambda: not any(is_alive(pid) for pid in family), 4)


def test_what_dies_is_started_again(up: Program, free_port: int) -> None:
    for text in ("app.serve", "rq worker events", "valkey-server"):
        before = pid_of(up, text)
        os.kill(before, signal.SIGKILL)
        until(lambda t=text, b=before: any(t in c and p != b for p, c in programs(up).items()), 10)
    assert health(free_port) == 200  # a question asked meanwhile waits in the port
    assert "web      | ended (SIGKILL)" in up.said()


def test_a_taken_port_is_refused_in_one_line_before_anything_starts(env: Mapping[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Program("-m", "app.supervisor", "--port", str(port), env=env) as supervisor:
            assert supervisor.end(5) == 1
            assert supervisor.said().splitlines() == [
                f"Port {port} is taken. Stop what listens there, or choose another: make run PORT={port + 80}"
            ]
    assert not (Path(env["TIDINGS_INSTANCE"]) / "valkey").exists()


def test_a_bad_setting_is_refused_in_one_line(env: Mapping[str, str]) -> None:
    with Program("-m", "app.supervisor", env={**env, "LOG_LEVEL": "LOUD"}) as supervisor:
        assert supervisor.end(5) == 2
        assert supervisor.said().count("\n") == 1
        assert "LOG_LEVEL" in supervisor.said()


def test_it_works_from_a_folder_with_spaces_and_umlauts(tmp_path: Path, free_port: int) -> None:
    folder = tmp_path / "mein schöner Ordner"
    for name in ("app", "templates", "static", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "wsgi.py", folder)
    env = {"PYTHONPATH": str(folder), "TIDINGS_DEMO": "0"}
    with Program(
        "-m", "app.supervisor", "--port", str(free_port), "--workers", "0", env=env, cwd=folder
    ) as up:
        up.wait_for("Tidings is ready", 90)
        assert health(free_port) == 200
        assert (folder / "instance" / "valkey").is_dir()
        up.signal(signal.SIGINT)
        assert up.end(3) == 0


def test_the_supervisor_loads_no_app() -> None:
    script = "import app.supervisor, sys; print({'flask', 'sqlalchemy', 'redis', 'rq'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
