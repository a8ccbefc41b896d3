"""A web process that dies the moment a transaction is durable, for requests that ask for it.

    python -m tests.chaos.dying_web PORT

The product is untouched: SQLAlchemy's own `commit` is wrapped here, below the session of the app, which does what
follows a commit (the wake-up, the news for live pages) only after it has returned. A parent that holds the port and the
loaded app forks the server again after each death.
"""

import os
import signal
import socket
import sys

from flask import has_request_context, request
from sqlalchemy.orm import Session

HEADER = "X-Die-After-Commit"
_commit = Session.commit


def commit(session: Session) -> None:
    """The real commit, and then nothing any more, if there was something to tell others."""
    _commit(session)
    if session.info.get("after_commit") and has_request_context() and HEADER in request.headers:
        os.kill(os.getpid(), signal.SIGKILL)


def main(port: int) -> None:
    """Serve for ever."""
    Session.commit = commit  # type: ignore[method-assign]
    import wsgi  # noqa: F401 - loaded once, for all the children
    from app import processes, serve

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(100)
    while True:
        number = os.dup(listening.fileno())

        def work(number: int = number) -> int:
            serve.main(["--fd", str(number)])
            return 0

        os.waitpid(processes.fork(work), 0)
        os.close(number)


if __name__ == "__main__":
    main(int(sys.argv[1]))
