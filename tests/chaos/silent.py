"""The product with its wake-ups switched off: what is committed is found by the sweeper alone, or not at all.

Run by a supervisor that starts this in place of `wsgi`:

    python -m tests.chaos.silent --prepare
"""

import argparse
import socket
import sys
from collections.abc import Sequence

from app import supervisor
from app.inboxes import waking
from app.programs import Program
from wsgi import app

__all__ = ["app"]

waking.News.tell = lambda news: waking.announce(news.heads, []) and None
_programs = supervisor._programs


def programs(options: argparse.Namespace, listening: socket.socket) -> list[Program]:
    """The same programs, around this app."""
    made = _programs(options, listening)
    for program in made:
        command = ["tests.chaos.silent" if word == "wsgi" else word for word in program.command]
        program.command = [*command, "--app", "tests.chaos.silent:app"] if program.name == "web" else command
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """What `python -m app.supervisor` does."""
    supervisor._programs = programs
    return supervisor.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
