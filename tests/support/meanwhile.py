"""Something done by another connection in the midst of a transaction: once, before a certain statement of ours."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context

from flask import Flask
from sqlalchemy import event

from app.db import db


@contextmanager
def meanwhile(app: Flask, before: str, act: Callable[[], object]) -> Iterator[None]:
    """Inside, the first statement with these words waits until `act` was done in a thread of its own."""
    mine, done, raised = threading.get_ident(), [], []

    def other() -> None:
        try:
            with app.app_context():
                act()
                db.session.remove()
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
        if not done and threading.get_ident() == mine and before in statement:
            done.append(statement)
            thread = threading.Thread(target=lambda: Context().run(other))
            thread.start()
            thread.join(20)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert done, f"nothing said {before}"
    if raised:
        raise raised[0]
