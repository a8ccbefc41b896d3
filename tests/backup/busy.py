"""Somebody who writes, or a worker, for ever: to be killed.

python -m tests.backup.busy write|work
"""

import itertools
import sys
from threading import Event as Moment

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app import create_app
from app.accounts.user import User
from app.db import db
from app.events.event import Actor
from app.inboxes.dispatch import drain
from app.inboxes.registry import queues
from app.issues.comment import add_comment
from app.issues.issue import Issue
from tests.support import world as worlds


def main(what: str) -> None:
    """Go on until the end of the process."""
    app, pause = create_app(), Moment()
    with app.app_context():
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        for number in itertools.count():
            try:
                _write(number) if what == "write" else _work()
            except OperationalError:
                db.session.rollback()
            pause.wait(0.02)


def _write(number: int) -> None:
    author = db.session.scalar(select(User).where(User.name == "Rowan"))
    ids = db.session.scalars(select(Issue.id).order_by(Issue.id)).all()
    assert author is not None
    text = worlds.said(f"Comment {number}")
    mine = select(Issue).where(Issue.id == ids[number % len(ids)]).with_for_update()  # as a request does
    issue = db.session.scalars(mine.execution_options(populate_existing=True)).one()
    add_comment(issue, text, author=author, actor=Actor("user", author.id))
    db.session.commit()


def _work() -> None:
    for queue in queues():
        drain(queue, seconds=5)


if __name__ == "__main__":
    main(sys.argv[1])
