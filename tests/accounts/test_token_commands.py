"""`flask token create`: shown once, kept as a hash."""

from flask import Flask
from sqlalchemy import select

from app.accounts.token import ApiToken, find_token
from app.db import db
from app.events.event import Event
from tests.support import world as worlds


def _create(app: Flask, *arguments: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(args=["token", "create", *arguments])
    return done.exit_code, done.output.strip()


def test_a_token_is_printed_once_and_kept_as_a_hash(app: Flask) -> None:
    with app.app_context():
        email = worlds.person("Ann").email
        db.session.commit()
    assert email is not None
    code, secret = _create(app, email.upper(), "--name", "Nightly  report", "--scope", "write")
    assert code == 0
    with app.app_context():
        found = find_token(secret)
        assert found is not None
        assert (found[0].title, found[0].scope, found[1].email) == ("Nightly report", "write", email)
        assert secret not in str(db.session.execute(select(ApiToken.__table__)).all())
        newest = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert newest is not None
        assert (newest.action, newest.facts["scope"]) == ("token_created", "write")


def test_a_token_for_nobody_or_with_more_rights_than_its_owner_is_refused(app: Flask) -> None:
    with app.app_context():
        email = worlds.person("Ann").email
        db.session.commit()
    assert email is not None
    for arguments in (
        ("nobody@example.org", "--name", "x"),
        (email, "--name", "x", "--scope", "admin"),
        (email, "--name", "x", "--scope", "all"),
        (email, "--name", " "),
        (email,),
    ):
        code, output = _create(app, *arguments)
        assert code != 0
        assert "Traceback" not in output
    with app.app_context():
        assert db.session.scalars(select(ApiToken)).all() == []
