"""The embedded Valkey."""

import signal
from pathlib import Path

import pytest
import redis

from app.config import socket_path
from app.embedded import EmbeddedValkey, EmbeddedValkeyError
from tests.patience import until
from tests.runtime.processtools import Program, is_alive

HOLDER = """
import sys, time
from pathlib import Path
from app.embedded import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1]))
server.start()
print("server", server.process.pid, flush=True)
time.sleep(60)
"""


def test_it_answers_once_started_and_is_gone_once_stopped(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.start()
    assert server.process is not None
    pid = server.process.pid
    assert redis.Redis.from_url(server.url).ping()
    server.stop()
    assert not is_alive(pid)
    assert not server.answers()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}
    server.stop()


def test_a_path_with_spaces_and_umlauts_works(tmp_path: Path) -> None:
    instance = tmp_path / "ein schöner Ordner" / "instance"
    server = EmbeddedValkey(instance)
    server.start()
    assert (instance / "valkey" / "appendonlydir").is_dir()
    server.stop()


def test_a_second_start_on_the_same_folder_attaches_and_stops_nothing(tmp_path: Path) -> None:
    first, second = EmbeddedValkey(tmp_path), EmbeddedValkey(tmp_path)
    first.start()
    second.start()
    assert second.process is None
    second.stop()
    assert first.answers()
    first.stop()


def test_two_servers_never_share_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = EmbeddedValkey(tmp_path), EmbeddedValkey(tmp_path)
    second.socket = tmp_path / "elsewhere" / "valkey.sock"
    monkeypatch.setattr("app.embedded.START_SECONDS", 0.3)
    first.start()
    with pytest.raises(EmbeddedValkeyError, match="is in use by a Valkey"):
        second.start()
    assert first.answers()
    first.stop()


def test_the_server_ends_when_its_parent_is_killed_and_the_next_one_starts_at_once(tmp_path: Path) -> None:
    with Program("-c", HOLDER, str(tmp_path)) as holder:
        pid = int(holder.wait_for("server").split()[1])
        assert is_alive(pid)
        holder.signal(signal.SIGKILL)
        server = EmbeddedValkey(tmp_path)
        server.start()
        until(lambda: not is_alive(pid), 3)
        if server.process is None:  # it was quick enough to meet the old one
            server.start()
        assert server.answers()
        server.stop()


def test_a_socket_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = socket_path(tmp_path).parent
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(EmbeddedValkeyError, match="nobody else can enter"):
        EmbeddedValkey(tmp_path).start()
    folder.rmdir()


def test_the_socket_folder_is_private(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.start()
    facts = server.socket.parent.stat()
    assert facts.st_mode & 0o777 == 0o700
    server.stop()
