"""Signing in: who gets in, what is recorded, how often one may try, and what an answer gives away."""

import statistics
import threading

import pytest
import redis
from flask import Flask
from limits import parse
from sqlalchemy import func, select

from app import clock
from app.accounts import attempts, passwords, people, signing_in
from app.accounts.session import find_session, live_sessions
from app.accounts.signing_in import Browser, Refused, TooOften
from app.accounts.user import User
from app.db import db
from app.events.event import SYSTEM, Event
from tests.support import world as worlds

BROWSER = Browser("203.0.113.7", "Firefox")


def enter(user: User, password: str = worlds.PASSWORD, *, browser: Browser = BROWSER) -> tuple[User, str]:
    entry = signing_in.sign_in(user.email or "", password, browser=browser, cheap=True)
    return entry.user, entry.token


def claimed(name: str = "Ann", **more: bool) -> User:
    user = worlds.person(name, password_hash=passwords.hash_password(worlds.PASSWORD, cheap=True), **more)
    db.session.commit()
    return user


def security_events(user: User) -> list[str]:
    query = select(Event.action).where(Event.user_id == user.id).order_by(Event.seq)
    return list(db.session.scalars(query))[1:]


@pytest.mark.usefixtures("context")
class TestTheDoor:
    def test_the_right_password_opens_a_session_and_is_recorded(self) -> None:
        ann = claimed()
        user, token = enter(ann)
        db.session.commit()
        assert user.id == ann.id
        found = find_session(token)
        assert found is not None
        assert (found[0].address, found[0].agent) == ("203.0.113.7", "Firefox")
        assert security_events(ann) == ["signed_in"]

    def test_the_address_is_found_whatever_its_case_and_spaces(self) -> None:
        ann = claimed()
        typed = f"  {(ann.email or '').upper()} "
        entry = signing_in.sign_in(typed, worlds.PASSWORD, browser=BROWSER, cheap=True)
        assert entry.user.id == ann.id

    def test_all_refusals_read_the_same_and_open_nothing(self) -> None:
        ann, closed = claimed(), claimed("Cleo")
        unclaimed = worlds.person("Ida", password_hash=None)
        closed.is_active = False
        people_event(closed)
        said = set()
        for email, password in (
            ("nobody@example.org", worlds.PASSWORD),
            (ann.email, "wrong password"),
            (closed.email, worlds.PASSWORD),
            (closed.email, "wrong password"),
            (unclaimed.email, worlds.PASSWORD),
            (unclaimed.email, ""),
            ("", ""),
            ("\x00", "\ud800"),
        ):
            with pytest.raises(Refused) as refused:
                signing_in.sign_in(
                    email or "", password, browser=Browser(f"203.0.113.{len(said)}"), cheap=True
                )
            said.add(refused.value.message.split(".")[0])
        assert said == {"That email and password do not match"}
        assert all(not live_sessions(user) for user in (ann, closed, unclaimed))

    def test_failures_are_recorded_at_most_once_a_minute_with_their_reason(self) -> None:
        ann = claimed()
        for _ in range(3):
            with pytest.raises(Refused):
                enter(ann, "wrong password")
        assert security_events(ann) == ["sign_in_failed"]
        query = select(Event).where(Event.user_id == ann.id, Event.action == "sign_in_failed")
        event = db.session.scalars(query).one()
        assert event.facts == {"reason": "password"}
        assert event.actor_kind == "system"

    def test_a_hash_of_older_parameters_is_renewed_on_sign_in(self) -> None:
        older = passwords.PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash(worlds.PASSWORD)
        ann = worlds.person("Ann", password_hash=older)
        db.session.commit()
        enter(ann)
        db.session.commit()
        kept = db.session.scalar(select(User.password_hash).where(User.id == ann.id))
        assert kept is not None
        assert kept != older
        assert passwords.matches(worlds.PASSWORD, kept, cheap=True)

    def test_a_password_changed_while_the_hash_was_made_does_not_let_in(self, context: Flask) -> None:
        ann = claimed()
        original = passwords.matches

        def slow(*args: object, **more: object) -> bool:
            def change() -> None:
                with context.app_context():
                    user = db.session.get_one(User, ann.id)
                    new = passwords.hash_password("another password", cheap=True)
                    people.change_password(user, new, actor=SYSTEM)
                    db.session.commit()

            other = threading.Thread(target=change)
            other.start()
            other.join()
            return original(*args, **more)  # type: ignore[arg-type]

        signing_in.matches = slow
        try:
            with pytest.raises(Refused):
                enter(ann)
        finally:
            signing_in.matches = original
        assert live_sessions(ann) == []

    def test_signing_out_ends_this_session_and_no_other(self) -> None:
        ann = claimed()
        _, first = enter(ann)
        db.session.commit()
        _, second = enter(ann)
        db.session.commit()
        session, user = find_session(first) or pytest.fail("no session")
        signing_in.sign_out(user, session_id=session.id)
        db.session.commit()
        assert find_session(first) is None
        assert find_session(second) is not None
        assert security_events(ann) == ["signed_in", "signed_in", "signed_out"]


def people_event(user: User) -> None:
    """Close the account as a command would."""
    user.is_active = True
    people.deactivate(user, actor=SYSTEM)
    db.session.commit()


@pytest.mark.usefixtures("context")
class TestLimits:
    def test_ten_tries_in_three_minutes_then_a_wait_even_for_the_right_password(self) -> None:
        ann = claimed()
        left = []
        for _ in range(10):
            with pytest.raises(Refused) as refused:
                enter(ann, "wrong password")
            left.append(refused.value.message.split(". ")[1])
        assert left[0] == "9 tries left."
        assert left[-2:] == ["1 try left.", "0 tries left."]
        with pytest.raises(TooOften, match="Try again in") as too_often:
            enter(ann)
        assert 0 < too_often.value.wait <= 180

    def test_an_unknown_address_is_counted_just_the_same(self) -> None:
        for _ in range(10):
            with pytest.raises(Refused):
                signing_in.sign_in("nobody@example.org", "wrong", browser=BROWSER, cheap=True)
        with pytest.raises(TooOften):
            signing_in.sign_in("Nobody@Example.org ", "wrong", browser=BROWSER, cheap=True)

    def test_the_limit_of_one_address_does_not_lock_the_person_out_elsewhere(self) -> None:
        ann = claimed()
        for _ in range(10):
            with pytest.raises(Refused):
                enter(ann, "wrong password")
        assert enter(ann, browser=Browser("198.51.100.9"))[0].id == ann.id

    def test_a_good_sign_in_forgets_the_tries_before_it(self) -> None:
        ann = claimed()
        for _ in range(9):
            with pytest.raises(Refused):
                enter(ann, "wrong password")
        enter(ann)
        db.session.commit()
        with pytest.raises(Refused, match="9 tries left"):
            enter(ann, "wrong password")

    def test_a_hundred_failures_of_one_address_at_many_accounts_are_enough(self) -> None:
        assert parse("100 per hour") == attempts.PER_ADDRESS
        for number in range(100):
            with pytest.raises(Refused):
                signing_in.sign_in(f"n{number}@example.org", "wrong", browser=BROWSER, cheap=True)
        with pytest.raises(TooOften) as too_often:
            signing_in.sign_in("n101@example.org", "wrong", browser=BROWSER, cheap=True)
        assert too_often.value.wait <= 3600

    def test_tries_are_counted_once_among_all_processes(self, valkey: str) -> None:
        with pytest.raises(Refused):
            signing_in.sign_in("nobody@example.org", "wrong", browser=BROWSER, cheap=True)
        keys = [key.decode() for key in redis.Redis.from_url(valkey).keys("*")]
        assert any("203.0.113.7" in key for key in keys)
        assert not any("nobody" in key for key in keys)

    def test_the_waits_are_said_in_words(self) -> None:
        said = [attempts.in_words(seconds) for seconds in (1, 40, 60, 61, 3600)]
        assert said == ["1 second", "40 seconds", "1 minute", "2 minutes", "60 minutes"]


@pytest.mark.usefixtures("context")
def test_an_address_nobody_has_takes_as_long_as_a_wrong_password() -> None:
    ann = worlds.person("Ann", password_hash=passwords.hash_password(worlds.PASSWORD))
    ida = worlds.person("Ida", password_hash=None)
    db.session.commit()

    def median(email: str, net: int) -> float:
        times = []
        for number in range(5):
            browser = Browser(f"198.51.{net}.{number}")
            started = clock.monotonic()
            with pytest.raises(Refused):
                signing_in.sign_in(email, "wrong password", browser=browser)
            times.append(clock.monotonic() - started)
        return statistics.median(times)

    wrong = median(ann.email or "", 1)
    assert 0.5 < median("nobody@example.org", 2) / wrong < 2
    assert 0.5 < median(ida.email or "", 3) / wrong < 2


def test_no_more_hashes_run_at_once_than_there_are_turns() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with passwords._turn():
            with lock:
                running += 1
                most = max(most, running)
            passwords._hasher(cheap=True).hash(b"x" * 9)
            with lock:
                running -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= passwords.AT_ONCE


@pytest.mark.usefixtures("context")
def test_sign_in_holds_no_transaction_while_it_hashes() -> None:
    ann = claimed()
    seen: list[bool] = []
    original = passwords.matches

    def watching(*args: object, **more: object) -> bool:
        seen.append(db.session().in_transaction())
        return original(*args, **more)  # type: ignore[arg-type]

    signing_in.matches = watching
    try:
        enter(ann)
    finally:
        signing_in.matches = original
    assert seen == [False]
    assert db.session.scalar(select(func.count()).select_from(User)) == 1
