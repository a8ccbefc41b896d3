"""Accounts: made, claimed, closed, opened; never without an administrator."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import passwords, people
from app.accounts.identity import clean_email, clean_username, clean_zone
from app.accounts.queries import person_to_administer
from app.accounts.session import find_session, open_session
from app.accounts.token import create_token, find_token
from app.accounts.user import User
from app.db import db
from app.errors import Conflict, Invalid
from app.events.event import SYSTEM, Event
from app.live import topics
from tests.support import world as worlds


def epoch(user: User) -> int | None:
    return topics.epochs([user.id])[user.id]


@pytest.mark.usefixtures("context")
class TestAccounts:
    def test_usernames_and_addresses_are_unique_whatever_their_case(self) -> None:
        ann = worlds.person("Ann")
        for changed in ({"username": ann.username.upper()}, {"email": (ann.email or "").upper()}):
            fields = {"username": "new", "email": "new@example.org"} | changed
            with pytest.raises(Invalid) as refused:
                people.create_person(**fields, name="New", password_hash="x", via="admin", actor=SYSTEM)
            assert refused.value.field == next(iter(changed))

    def test_a_deactivated_person_is_out_at_once_with_sessions_tokens_and_streams(self) -> None:
        worlds.person("Boss", admin=True)
        ann = worlds.person("Ann")
        _, session = open_session(ann, address=None, agent=None)
        _, token = create_token(ann, title="CI", scope="read", actor=ann.actor)
        db.session.commit()

        people.deactivate(person_to_administer(ann.username), actor=SYSTEM)
        db.session.commit()
        assert find_session(session) is None
        assert find_token(token) is None
        assert epoch(ann) is None

        people.reactivate(person_to_administer(ann.username), actor=SYSTEM)
        db.session.commit()
        assert find_session(session) is None
        assert find_token(token) is None
        assert epoch(ann) == 1

    def test_a_new_password_ends_all_sessions_but_this_one(self) -> None:
        ann = worlds.person("Ann")
        here, token = open_session(ann, address=None, agent=None)
        others = [open_session(ann, address=None, agent=None)[1] for _ in range(3)]
        db.session.commit()
        assert people.change_password(ann, "new hash", actor=ann.actor, keep=here.id) == 3
        db.session.commit()
        assert find_session(token) is not None
        assert not any(find_session(other) for other in others)
        assert epoch(ann) == 1

    def test_an_imported_person_is_claimed_once(self) -> None:
        ida = worlds.person("Ida", password_hash=None)
        people.claim(ida, email="ida@example.org", password_hash="hash", actor=SYSTEM)
        db.session.commit()
        assert ida.is_claimed
        with pytest.raises(Conflict, match="in use already"):
            people.claim(ida, email="other@example.org", password_hash="hash", actor=SYSTEM)

    def test_changes_are_recorded_and_changes_that_change_nothing_are_not(self) -> None:
        ann = worlds.person("Ann")
        for name, zone in (("Ann", "UTC"), ("Anna", "Europe/Riga"), ("Anna", "Europe/Riga")):
            people.rename_person(ann, name, actor=ann.actor)
            people.change_zone(ann, zone, actor=ann.actor)
        db.session.commit()
        actions = db.session.scalars(select(Event.action).where(Event.user_id == ann.id).order_by(Event.seq))
        assert list(actions) == ["user_created", "user_renamed", "preference_changed"]


@pytest.mark.usefixtures("context")
class TestTheLastAdministrator:
    def test_cannot_be_deactivated_or_demoted(self) -> None:
        boss = worlds.person("Boss", admin=True)
        worlds.person("Ghost", admin=True, password_hash=None)  # cannot sign in, so does not count
        db.session.commit()
        for act in (
            lambda: people.deactivate(boss, actor=SYSTEM),
            lambda: people.make_admin(boss, False, actor=SYSTEM),
        ):
            with pytest.raises(Conflict, match="only administrator"):
                act()
        assert (boss.is_admin, boss.is_active) == (True, True)

    def test_may_go_once_there_is_another(self) -> None:
        boss, ann = worlds.person("Boss", admin=True), worlds.person("Ann")
        people.make_admin(ann, True, actor=boss.actor)
        people.make_admin(boss, False, actor=ann.actor)
        db.session.commit()
        assert (boss.is_admin, ann.is_admin) == (False, True)

    def test_somebody_who_cannot_sign_in_does_not_become_one(self) -> None:
        ida = worlds.person("Ida", password_hash=None)
        with pytest.raises(Conflict, match="cannot sign in"):
            people.make_admin(ida, True, actor=SYSTEM)


def test_two_administrators_who_demote_each_other_at_once_leave_one(app: Flask) -> None:
    with app.app_context():
        names = [worlds.person(name, admin=True).username for name in ("Ann", "Bea")]
        db.session.commit()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def work(name: str) -> None:
        with app.app_context():
            start.wait()
            try:
                people.make_admin(person_to_administer(name), False, actor=SYSTEM)
                db.session.commit()
                outcomes.append("done")
            except Conflict:
                db.session.rollback()
                outcomes.append("refused")

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]


@pytest.mark.parametrize(
    "username",
    ["a", "-ann", "_ann", ".ann", "an n", "ann/b", "änn", "a" * 40, "", "ann\n", "ann@b", "<b>", "ａｎｎ"],
)
def test_a_malformed_username_is_refused(username: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_username(username if username.strip() != "ann" else "ann\nx")
    assert refused.value.field == "username"


def test_a_username_is_kept_in_lower_case() -> None:
    assert clean_username("  Ann.B-c_9 ") == "ann.b-c_9"
    assert clean_username("a" * 39) == "a" * 39


@pytest.mark.parametrize(
    "email",
    ["", "ann", "ann@", "@example.org", "a b@example.org", "a@b@c", "a@b..c", "a@.b", "a\x00@example.org",
     "a@example.org\nbcc: x", "a@exam ple.org", "<a@b.c>", "a" * 250 + "@b.c", "\ud800@b.c", "a,b@c.d"],
)  # fmt: skip
def test_a_malformed_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_email(email)
    assert refused.value.field == "email"


@pytest.mark.parametrize("email", ["a@b", "ann.b+tag@mail.example.org", "ünal@exämple.org"])
def test_an_ordinary_address_is_taken(email: str) -> None:
    assert clean_email(f" {email} ") == email


def test_zones_are_those_of_the_world() -> None:
    assert clean_zone("Europe/Riga") == "Europe/Riga"
    for wrong in ("", "Mars/Base", "../../etc/passwd", "utc "):
        with pytest.raises(Invalid):
            clean_zone(wrong)


def test_a_password_must_not_be_short_endless_or_obvious() -> None:
    passwords.check_password("correct horse")
    for wrong in ("1234567", "x" * 201, "password", "PASSWORD1", "aaaaaaaaaaaa", "ann@example.org"):
        with pytest.raises(Invalid) as refused:
            passwords.check_password(wrong, about=("ann@example.org",))
        assert refused.value.field == "password"


def test_made_passwords_differ_and_pass_the_check() -> None:
    made = {passwords.make_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.check_password(password)
