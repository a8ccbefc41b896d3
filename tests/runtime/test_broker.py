"""The client that never makes anybody wait."""

import os
import signal
import time
from pathlib import Path

import redis

from app.broker import Broker, connect
from app.embedded import EmbeddedValkey


def seconds(broker: Broker) -> float:
    start = time.perf_counter()
    assert broker.call(lambda client: client.ping(), "nobody") == "nobody"
    return time.perf_counter() - start


def test_a_working_redis_is_used(valkey: str) -> None:
    broker = Broker(connect(valkey))
    assert broker.call(lambda client: client.ping(), False) is True
    assert broker.failures == 0


def test_a_refused_connection_costs_next_to_nothing_and_is_counted(tmp_path: Path) -> None:
    broker = Broker(connect(f"unix://{tmp_path}/nobody.sock"))
    assert seconds(broker) < 0.05
    assert broker.failures == 1
    assert broker.last_error is not None
    assert "ConnectionError" in broker.last_error


def test_a_hung_redis_costs_one_timeout_and_then_nothing_for_two_seconds(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.start()
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        broker = Broker(connect(server.url))
        assert 0.15 < seconds(broker) < 0.45
        assert all(seconds(broker) < 0.005 for _ in range(100))
        assert (broker.failures, broker.skipped) == (1, 100)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
        server.stop()


def test_it_tries_again_after_the_pause(valkey: str) -> None:
    broker = Broker(connect(valkey))

    def fail(_client: redis.Redis) -> bool:
        raise redis.ConnectionError("for the test")

    assert broker.call(fail, False) is False
    assert broker.call(lambda client: client.ping(), False) is False
    broker.rests_until -= 2.0
    assert broker.call(lambda client: client.ping(), False) is True


def test_a_forked_child_has_a_client_of_its_own(valkey: str) -> None:
    from app import broker as module

    mine = module.broker(valkey)
    assert mine.call(lambda client: client.ping(), False)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if module.broker(valkey) is not mine and module.broker(valkey).client.ping() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert mine.call(lambda client: client.ping(), False)
