"""The books must agree: what clients were told is saved = events = deliveries = notifications and mails."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from app.inboxes.registry import inboxes_for
from tests.chaos.clients import Act
from tests.support.browser import until
from tests.support.house import House

DELIVERED_WITHIN = 60.0
_OPEN = "SELECT count(*) FROM deliveries WHERE next_attempt_at IS NOT NULL"
_STILL_OPEN = (
    "SELECT inbox, state, attempts, count(*), max(coalesce(last_error, reason)) FROM deliveries "
    "WHERE next_attempt_at IS NOT NULL GROUP BY inbox, state, attempts"
)
TRACKED = ("created", "commented", "title_changed", "status_changed", "closed", "reopened")


def reconcile(
    house: House,
    acts: Sequence[Act],
    *,
    within: float = DELIVERED_WITHIN,
    is_quiet: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Fails at the first thing that does not add up; returns how many of what there are.

    `is_quiet`: whether nothing is on its way from outside, which could be followed by deliveries.
    """
    try:
        until(lambda: is_quiet() and house.rows(_OPEN) == [(0,)], seconds=within, what="all deliveries")
    except AssertionError as late:
        still = house.rows(_STILL_OPEN)
        raise AssertionError(
            f"{late}; still open (inbox, state, attempts, how many, error): {still}"
        ) from None
    _acts_are_events(house, acts)
    _numbers_have_no_gaps(house)
    _deliveries_are_complete(house)
    _nobody_is_told_twice(house)
    _mails_are_complete(house)
    _numbers_rose_once(house)
    _file_is_sound(house)
    return Counter(
        {
            name: house.rows(f"SELECT count(*) FROM {name}")[0][0]
            for name in ("events", "deliveries", "notifications", "outgoing_mails")
        }
    )


def _acts_are_events(house: House, acts: Sequence[Act]) -> None:
    """One event for each act that was saved, and none besides; every text exactly once.

    What came from GitHub is compared with GitHub.
    """
    rows = house.rows(
        "SELECT p.key, i.number, e.action FROM events e JOIN issues i ON i.id = e.issue_id "
        "JOIN projects p ON p.id = i.project_id WHERE e.actor_kind <> 'sync'"
    )
    recorded = Counter((f"{key}-{number}", action) for key, number, action in rows if action in TRACKED)
    assert recorded == Counter((act.issue, act.action) for act in acts)
    ours = "SELECT body FROM comments WHERE id NOT IN (SELECT comment_id FROM sync_comments WHERE mark = '')"
    said = Counter(body for (body,) in house.rows(ours))
    assert said == Counter(act.mark for act in acts if act.action == "commented")


def _numbers_have_no_gaps(house: House) -> None:
    """seq of each issue, project and person is 1…n, and n is what the row says; issues are numbered 1…n."""
    for table, column in (("issues", "issue_id"), ("projects", "project_id"), ("users", "user_id")):
        subject = column.removesuffix("_id")
        wrong = house.rows(
            f"SELECT t.id, t.event_seq, count(e.id), min(e.seq), max(e.seq) FROM {table} t "
            f"LEFT JOIN events e ON e.{column} = t.id AND e.subject = '{subject}' GROUP BY t.id, t.event_seq "
            "HAVING count(e.id) <> t.event_seq OR (count(e.id) > 0 AND (min(e.seq) <> 1 OR max(e.seq) <> t.event_seq))"
        )
        assert not wrong, (table, wrong)
    numbers = house.rows(
        "SELECT p.key, p.issue_counter, count(*), max(i.number) FROM issues i JOIN projects p ON p.id = i.project_id "
        "GROUP BY p.key, p.issue_counter"
    )
    assert all(counter == count == most for _, counter, count, most in numbers), numbers


def _deliveries_are_complete(house: House) -> None:
    """A finished row for every inbox that declares the action, and no other row."""
    declared = {
        (event_id, inbox.name)
        for event_id, subject, action in house.rows("SELECT id, subject, action FROM events")
        for inbox in inboxes_for(subject, action)
    }
    rows = house.rows("SELECT event_id, inbox, state, last_error FROM deliveries")
    assert len(rows) == len(declared)
    assert {(event_id, inbox) for event_id, inbox, *_ in rows} == declared
    unfinished = [row for row in rows if row[2] not in ("delivered", "skipped")]
    assert not unfinished, unfinished[:5]


def _nobody_is_told_twice(house: House) -> None:
    """As many notifications of an event as its delivery says people were told, one each."""
    told = Counter(
        event_id for event_id, _ in house.rows("SELECT DISTINCT event_id, user_id FROM notifications")
    )
    assert told == Counter(event_id for (event_id,) in house.rows("SELECT event_id FROM notifications"))
    said = {
        event_id: int(found[1])
        for event_id, reason in house.rows(
            "SELECT event_id, reason FROM deliveries WHERE inbox = 'in_app_notifications' AND state = 'delivered'"
        )
        if (found := re.match(r"told (\d+)", reason))
    }
    assert dict(told) == said


def _mails_are_complete(house: House) -> None:
    """A mail for each target of a delivery, none besides, each under an id of its own."""
    mails = Counter(house.rows("SELECT event_id, user_id FROM outgoing_mails"))
    targets = house.rows(
        "SELECT d.event_id, t.target, t.state FROM delivery_targets t JOIN deliveries d ON d.id = t.delivery_id "
        "WHERE d.inbox = 'email_notifications'"
    )
    assert not [target for target in targets if target[2] != "delivered"]
    assert mails == Counter((event_id, int(target)) for event_id, target, _ in targets)
    assert set(mails.values()) <= {1}


def _numbers_rose_once(house: House) -> None:
    """What an inbox counts up in the marking transaction rose once for each delivery: nothing was done twice."""
    for table, column in (("projects", "project_id"), ("users", "actor_id")):
        wrong = house.rows(
            f"SELECT t.id, t.activity_seq, count(d.id) FROM {table} t LEFT JOIN events e ON e.{column} = t.id "
            "LEFT JOIN deliveries d ON d.event_id = e.id AND d.inbox = 'live_updates' AND d.state = 'delivered' "
            "GROUP BY t.id, t.activity_seq HAVING count(d.id) <> t.activity_seq"
        )
        assert not wrong, (table, wrong[:5])
    wrong = house.rows(
        "SELECT u.id, u.feed_seq, count(n.id) FROM users u LEFT JOIN notifications n ON n.user_id = u.id "
        "GROUP BY u.id, u.feed_seq HAVING count(n.id) > u.feed_seq"
    )
    assert not wrong, wrong[:5]


def _file_is_sound(house: House) -> None:
    if "DATABASE_URL" not in house.environment:
        assert house.rows("PRAGMA integrity_check") == [("ok",)]
