"""The first administrator: exactly one, and only on a fresh installation."""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import setting_up
from app.accounts.session import find_session
from app.accounts.signing_in import Browser
from app.accounts.user import User
from app.db import begin_write, db, read_first
from app.errors import Invalid, NotFound
from app.events.event import Event
from tests.support import world as worlds


def set_up(number: int = 1) -> tuple[User, str]:
    entry = setting_up.set_up(
        username=f"first{number}",
        email=f"first{number}@example.org",
        name="First",
        password_hash="hash",
        zone="Europe/Riga",
        browser=Browser("127.0.0.1", "Firefox"),
    )
    return entry.user, entry.token


@pytest.mark.usefixtures("context")
def test_the_first_person_is_an_administrator_and_signed_in() -> None:
    user, token = set_up()
    db.session.commit()
    assert user.is_admin
    assert find_session(token) is not None
    events = db.session.scalars(select(Event).order_by(Event.id)).all()
    assert [(event.action, event.actor_id) for event in events] == [
        ("user_created", user.id),
        ("signed_in", user.id),
    ]
    assert events[0].facts["via"] == "setup"
    assert events[1].facts["method"] == "setup"


@pytest.mark.usefixtures("context")
def test_imported_people_do_not_count_and_claimed_ones_do() -> None:
    worlds.person("Ida", password_hash=None)
    db.session.commit()
    setting_up.require_fresh()
    worlds.person("Ann")
    db.session.commit()
    with pytest.raises(NotFound):
        setting_up.require_fresh()
    with pytest.raises(NotFound):
        set_up()


def test_two_set_ups_at_the_same_moment_make_one_administrator(app: Flask) -> None:
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def work(number: int) -> None:
        with app.app_context():
            read_first()
            setting_up.require_fresh()
            start.wait()
            begin_write()
            try:
                set_up(number)
                db.session.commit()
                outcomes.append("made")
            except NotFound:
                db.session.rollback()
                outcomes.append("late")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["late", "late", "late", "made"]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize(
    ("address", "host", "forwarded", "local"),
    [
        ("127.0.0.1", "127.0.0.1:5000", False, True),
        ("127.0.0.1", "localhost", False, True),
        ("::1", "[::1]:5000", False, True),
        ("127.0.0.1", "tidings.example.org", False, False),
        ("127.0.0.1", "localhost", True, False),
        ("192.0.2.4", "localhost", False, False),
        ("192.0.2.4", "192.0.2.1:5000", False, False),
        (None, "localhost", False, False),
    ],
)
def test_only_a_visitor_at_this_machine_needs_no_code(
    address: str | None, host: str, forwarded: bool, local: bool
) -> None:
    assert setting_up.is_local(address, host, forwarded) is local


def test_the_code_is_of_this_installation_and_forgives_case_and_spaces() -> None:
    code = setting_up.code("secret")
    assert code != setting_up.code("another secret")
    setting_up.check_code(f" {code.upper()} ", "secret")
    for wrong in ("", "aaaa-bbbb-cccc-dddd", setting_up.code("another secret"), "\ud800"):
        with pytest.raises(Invalid, match="not the code"):
            setting_up.check_code(wrong, "secret")
