"""GitHub and the product after a campaign: the same issues, the same comments, each once on both sides."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from app.issues.issue import OPEN_STATUSES
from app.sync.marks import clean_text, mark_in
from tests.chaos.octocat import NAME, Did
from tests.chaos.sinks import Came, targets
from tests.support.fake_github import REPOSITORY, FakeGitHub
from tests.support.house import House

COMMENTS, ISSUES = f"/repos/{REPOSITORY}/issues/", f"/repos/{REPOSITORY}/issues"


@dataclass(frozen=True)
class Linked:
    """An issue here with its number there."""

    number: int
    mark: str
    key: str
    title: str
    is_open: bool
    text: str


def github_that_came(house: House, there: FakeGitHub, did: Did) -> Came:
    """Both sides are the same, nothing was made twice on either, and every call was worked off."""
    linked = _linked(house)
    _issues_are_the_same(linked, there)
    _comments_are_the_same(house, there, did)
    _what_began_there_came_once(house, linked, did)
    _calls_are_worked_off(house)
    doubled = _said_again(house, linked, there)
    asked = [path for method, path in there.requests if method == "POST"]
    made = [issue for issue in there.issues.values() if issue["user"]["login"] == there.login]
    assert asked.count(ISSUES) == len(made), "every issue we asked for is there"
    sent = targets(house, "external_sync")
    more = f"{len(did.comments) + len(did.opened) + sum(did.changes.values())} changes there taken over"
    return Came(len(there.writes), doubled, sum(one.doubts > 0 for one in sent), more)


def _linked(house: House) -> list[Linked]:
    rows = house.rows(
        "SELECT l.number, l.mark, l.ended_at, p.key, i.number, i.title, i.status, i.description FROM sync_links l "
        "JOIN issues i ON i.id = l.issue_id JOIN projects p ON p.id = i.project_id"
    )
    assert not [row for row in rows if row[0] is None or row[2] is not None], "every link is made and holds"
    return [
        Linked(row[0], row[1], f"{row[3]}-{row[4]}", row[5], row[6] in OPEN_STATUSES, row[7]) for row in rows
    ]


def _issues_are_the_same(linked: list[Linked], there: FakeGitHub) -> None:
    """Every issue there is linked; what we made carries its mark, once."""
    assert {one.number for one in linked} == set(there.issues)
    marks = Counter(mark for one in there.issues.values() if (mark := mark_in(one["body"])))
    assert marks == Counter(one.mark for one in linked if one.mark), "each issue we made is there once"
    for one in linked:
        theirs = there.issues[one.number]
        assert mark_in(theirs["body"]) == (one.mark or None)
        ours = (one.title, one.is_open, clean_text(one.text))
        assert (theirs["title"], theirs["state"] == "open", clean_text(theirs["body"])) == ours, (one, theirs)


def _comments_are_the_same(house: House, there: FakeGitHub, did: Did) -> None:
    """Every comment of a linked issue is there once, and the other way round, with the same text."""
    rows = house.rows(
        "SELECT c.body, s.external_id, s.mark, s.header, l.number FROM comments c "
        "JOIN sync_links l ON l.issue_id = c.issue_id LEFT JOIN sync_comments s ON s.comment_id = c.id"
    )
    assert not [row for row in rows if row[1] is None], "every comment was sent, or came from there"
    assert Counter(row[1] for row in rows) == Counter(there.comments.keys())
    for body, external_id, mark, header, number in rows:
        theirs = there.comments[external_id]
        assert theirs["issue_url"].endswith(f"/{number}"), (body, theirs)
        assert mark_in(theirs["body"]) == (mark or None), (body, theirs)
        assert clean_text(theirs["body"]) == body.removeprefix(header).strip("\n"), (body, theirs)
    marks = Counter(mark_in(one["body"]) for one in there.comments.values() if one["user"]["login"] != NAME)
    assert set(marks.values()) <= {1}, "each comment of ours is there once"
    theirs = {one["id"]: one["body"] for one in there.comments.values() if one["user"]["login"] == NAME}
    assert theirs == did.comments


def _what_began_there_came_once(house: House, linked: list[Linked], did: Did) -> None:
    """One event here for each comment and issue that began there; never more for a change than there were changes."""
    rows = house.rows(
        "SELECT action, count(*) FROM events WHERE actor_kind = 'sync' AND subject = 'issue' GROUP BY action"
    )
    came: dict[str, Any] = dict(rows)
    assert came.get("commented", 0) == len(did.comments)
    assert came.get("created", 0) == len(did.opened) == len([one for one in linked if not one.mark])
    assert came.get("title_changed", 0) <= did.changes["title"]
    assert came.get("closed", 0) + came.get("reopened", 0) <= did.changes["state"]


def _calls_are_worked_off(house: House) -> None:
    rows = house.rows("SELECT state, outcome FROM sync_arrivals WHERE state NOT IN ('done', 'ignored')")
    assert not rows, rows[:5]


def _said_again(house: House, linked: list[Linked], there: FakeGitHub) -> int:
    """How often a change was sent that had been made already; each time the ledger has a doubt about that issue."""
    key_of = {one.number: one.key for one in linked}
    doubts: Counter[str] = Counter()
    for one in targets(house, "external_sync"):
        doubts[one.place[0]] += one.doubts
    again = Counter(key_of[int(path.rpartition("/")[2])] for path in there.idle)
    unmarked = {key: times for key, times in again.items() if times > doubts[key]}
    assert not unmarked, ("sent again, and nothing says that this may be so", unmarked)
    return sum(again.values())
