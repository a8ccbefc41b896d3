"""Importing a GitHub archive: everything at its true time, nobody told, and a second time nothing."""

import json
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.passwords import matches
from app.accounts.user import User
from app.db import db
from app.errors import Conflict, Invalid
from app.events.event import Event
from app.events.queries import with_actions
from app.events.verifying import verify
from app.importing import texts
from app.importing.github_archive import Order, Report, import_github_archive
from app.importing.shape import BadArchive
from app.inboxes.delivery import Delivery
from app.issues.comment import Comment
from app.issues.issue import Issue, Opening, open_issue
from app.issues.label import Label, project_labels
from app.issues.subscription import watchers
from app.issues.workflow import change_status
from app.issues.written import NOTHING
from app.projects.membership import role_of
from app.projects.project import Project
from tests.support import world as worlds

SAMPLE = Path(__file__).parent.parent / "data" / "kettle.archive.json"
TABLES = ("events", "event_texts", "deliveries", "issues", "comments", "labels", "users", "projects")
Change = Callable[[dict[str, Any]], object]


def bring(file: Path = SAMPLE, key: str = "KET", **said: Any) -> Report:
    return import_github_archive(Order(file, key, **said), watch=lambda what, *_: nullcontext(what))


def changed(folder: Path, change: Change) -> Path:
    """The sample with something else in it."""
    document = json.loads(SAMPLE.read_text())
    change(document)
    path = folder / "changed.json"
    path.write_text(json.dumps(document))
    return path


def counts() -> dict[str, int]:
    metadata = db.metadata.tables
    queries = {name: select(func.count()).select_from(metadata[name]) for name in TABLES}
    found = {name: db.session.scalar(query) or 0 for name, query in queries.items()}
    db.session.rollback()
    return found


def issue_of(number: int, key: str = "KET") -> Issue:
    query = select(Issue).join(Project).where(Project.key == key, Issue.number == number)
    return db.session.scalars(query).one()


def history(number: int) -> list[Event]:
    query = select(Event).where(Event.issue_id == issue_of(number).id).order_by(Event.seq)
    return list(db.session.scalars(query))


def test_issues_and_pull_requests_keep_their_numbers_and_the_counter_goes_on(context: Flask) -> None:
    report = bring(name="Kettle")

    assert (report.issues, report.comments, report.people) == (6, 8, 4)
    project = db.session.scalars(select(Project)).one()
    assert (project.name, project.visibility, project.issue_counter) == ("Kettle", "members", 6)
    kinds = {issue.number: issue.kind for issue in db.session.scalars(select(Issue))}
    assert kinds == dict.fromkeys((1, 2, 5, 6), "issue") | dict.fromkeys((3, 4), "pull_request")
    reporter = worlds.person()
    new = open_issue(project, Opening("Next", NOTHING), reporter=reporter, actor=reporter.actor)
    assert new.number == 7


def test_events_stand_at_their_true_times_in_their_true_order(context: Flask) -> None:
    bring()

    events = history(1)

    assert [event.action for event in events] == ["created", "commented", "commented", "closed", "commented"]
    assert events[0].created_at == datetime(2020, 3, 1, 9, tzinfo=UTC)
    assert events[2].created_at == events[3].created_at == datetime(2020, 3, 4, 10, tzinfo=UTC)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert issue_of(1).updated_at == events[4].created_at
    assert (issue_of(1).status, issue_of(2).status) == ("closed", "open")


def test_a_merge_names_who_merged_and_another_closing_names_nobody(context: Flask) -> None:
    bring()

    merge, closing = history(3)[-1], history(4)[-1]
    actions = with_actions([merge, closing])

    ada = db.session.scalars(select(User).where(User.username == "ada-fern")).one()
    assert (merge.actor_id, merge.actor_kind) == (ada.id, "user")
    assert (closing.actor_id, closing.actor_kind) == (None, "import")
    assert closing.actor_ref == "github:meadow/kettle"
    resolutions = [getattr(actions[event.id], "resolution", None) for event in (merge, closing)]
    assert resolutions == ["merged", "closed"]


def test_a_review_is_one_comment_with_its_remarks_and_a_bare_approval_is_left_out(context: Flask) -> None:
    report = bring()

    bodies = db.session.scalars(
        select(Comment.body).where(Comment.issue_id == issue_of(3).id).order_by(Comment.event_seq)
    ).all()
    assert bodies[1] == (
        "*Changes requested*\n\nTwo things:\n\n---\n\na spout is `round`\n\n---\n\nand short"
    )
    assert len(bodies) == 2
    assert report.wordless == 2, "the approval, and the comment of three spaces"


def test_people_cannot_sign_in_and_a_deleted_account_is_ghost(context: Flask) -> None:
    bring()

    people = {user.username: user for user in db.session.scalars(select(User))}
    assert set(people) == {"ada-fern", "bo_reed", "cleo-bot", "ghost"}
    assert people["ghost"].name == "Ghost"
    for person in people.values():
        assert (person.password_hash, person.email, person.is_admin) == (None, None, False)
        assert not matches("", person.password_hash, cheap=True)
    assert people["ada-fern"].imported_from == "github:ada-fern"


def test_a_username_that_is_taken_is_not_taken_over(context: Flask) -> None:
    taken = worlds.person()
    taken_name = taken.username
    db.session.commit()

    def rename(document: dict[str, Any]) -> None:
        document["issues"][0]["author"] = taken_name.upper()

    path = changed(Path(context.instance_path), rename)
    bring(path)

    reporter = db.session.get(User, issue_of(1).reporter_id)
    assert reporter is not None
    assert reporter.id != taken.id
    assert reporter.username == f"{taken_name}-2"


def test_nobody_is_told_and_every_delivery_is_finished(context: Flask) -> None:
    bring()

    query = select(Delivery.state, Delivery.reason, Delivery.next_attempt_at).distinct()
    assert [tuple(row) for row in db.session.execute(query)] == [("skipped", "imported", None)]
    assert db.session.scalar(select(func.count()).select_from(Delivery)) > 0  # type: ignore[operator]


def test_labels_get_one_of_our_hues_and_unlisted_ones_are_made(context: Flask) -> None:
    bring()

    labels = {label.name: label.color for label in db.session.scalars(select(Label))}
    assert labels == {
        "Too hot": "rose",
        "docs": "sky",
        "easy": "moss",
        "grey area": "sky",
        "never listed": "sky",
    }


def test_mentions_and_numbers_become_links_and_mentions_make_nobody_watch(context: Flask) -> None:
    bring()

    html = issue_of(1).description_html
    assert 'href="/issues/KET-3"' in html
    assert 'href="/people/bo_reed"' in html
    assert {user.username for user in watchers(issue_of(1))} == {"ada-fern", "bo_reed", "cleo-bot"}
    assert {user.username for user in watchers(issue_of(3))} == {"cleo-bot", "ada-fern"}


@pytest.mark.parametrize("killed", [False, True])
def test_a_fork_that_renders_half_makes_no_difference_even_when_it_dies(
    context: Flask, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    bring(key="ONE")
    monkeypatch.setattr(texts, "WORTH_A_FORK", 1)
    if killed:
        monkeypatch.setattr(texts, "_help", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    bring(key="TWO")

    def pages(key: str) -> list[tuple[str, str]]:
        query = select(Comment.body, Comment.html).join(Issue, Issue.id == Comment.issue_id).join(Project)
        said = db.session.execute(query.where(Project.key == key).order_by(Comment.id))
        return [(body, html.replace(f"/{key}-", "/KEY-")) for body, html in said]

    assert pages("ONE") == pages("TWO")
    assert issue_of(1, "TWO").description_html == issue_of(1, "ONE").description_html.replace("ONE-", "TWO-")


def test_a_title_too_long_is_cut_and_stands_in_full_above_the_description(context: Flask) -> None:
    bring()

    issue = issue_of(6)
    assert len(issue.title) <= 200
    assert issue.title.endswith("…")
    assert issue.description.startswith("Long kettle kettle")
    assert issue.description.endswith("kettle\n\nBody")


def test_the_second_run_adds_nothing(context: Flask) -> None:
    bring()
    before = counts()

    report = bring()

    assert (report.events, report.issues, report.comments, report.present) == (0, 0, 0, 14)
    assert counts() == before


def test_a_grown_archive_adds_only_what_is_new(context: Flask, tmp_path: Path) -> None:
    bring()
    before = counts()

    def grow(document: dict[str, Any]) -> None:
        issues = document["issues"]
        issues[1] |= {"state": "CLOSED", "closedAt": "2020-05-01T00:00:00Z"}
        new = {"author": "dora", "body": "Me too", "createdAt": "2020-04-30T00:00:00Z"}
        issues[1]["comments"].append(new)
        issues.append({**issues[0], "number": 9, "title": "Handle", "comments": []})

    report = bring(changed(tmp_path, grow))

    assert (report.issues, report.comments, report.people) == (1, 1, 1)
    after = counts()
    assert {name: after[name] - before[name] for name in ("issues", "comments", "users")} == {
        "issues": 1,
        "comments": 1,
        "users": 1,
    }
    assert [event.action for event in history(2)] == ["created", *["commented"] * 3, "closed"]
    assert (issue_of(2).status, issue_of(2).comment_count) == ("closed", 3)
    assert issue_of(9).title == "Handle"
    assert [done.difference for done in verify()][-1] is None


def test_an_issue_that_was_reopened_here_is_not_closed_again(context: Flask) -> None:
    bring()
    lead = worlds.person("Lea", admin=True)
    issue = issue_of(1)
    change_status(issue, "reopen", actor=lead.actor)
    db.session.commit()

    assert bring().events == 0
    assert issue_of(1).status == "reopened"


def test_a_project_with_issues_gives_new_numbers(world: worlds.World) -> None:
    bring(key=world.project.key)

    numbers = db.session.scalars(select(Issue.number).order_by(Issue.number)).all()
    assert list(numbers) == [1, 2, 3, 4, 5, 6, 7]
    assert issue_of(2, world.project.key).title.startswith("The kettle whistles")
    assert 'href="/issues/ORC-4"' in issue_of(2, world.project.key).description_html
    assert bring(key=world.project.key).events == 0


def test_the_importing_person_leads_the_new_project(context: Flask) -> None:
    ada = worlds.person("Ada", admin=True)
    db.session.commit()
    bring(by=ada.username, visibility="public")

    project = db.session.scalars(select(Project)).one()
    assert (role_of(project, ada), project.visibility) == ("lead", "public")
    last = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert last is not None
    assert (last.action, last.actor_id, last.facts["issues"]) == ("import_completed", ada.id, 6)
    assert len(project_labels(project)) == 5


def test_an_unknown_person_or_a_bad_key_stops_the_import(context: Flask) -> None:
    with pytest.raises(Invalid, match="nobody called"):
        bring(by="nobody")
    with pytest.raises(Invalid, match="A key has"):
        bring(key="k-1")
    assert not any(counts().values())


def test_an_archived_project_is_left_alone(world: worlds.World) -> None:
    from app.projects.project import archive

    archive(world.project, actor=world.actor)
    db.session.commit()
    with pytest.raises(Conflict, match="is archived"):
        bring(key=world.project.key)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.2, 0.5, 0.77, 0.9, 0.999])
def test_a_file_cut_off_leaves_nothing_and_says_where(context: Flask, tmp_path: Path, part: float) -> None:
    raw = SAMPLE.read_bytes()
    cut = tmp_path / "cut.json"
    cut.write_bytes(raw[: int(len(raw) * part)])

    with pytest.raises(BadArchive, match=r"cut\.json, line \d+"):
        bring(cut)
    assert not any(counts().values())


def _set(*path: str | int, to: object) -> Change:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("issues", to={}), "issues should be a list, found an object"),
        (_set("issues", 1, to=7), "issues, entry 2 should be an object, found a number"),
        (_set("issues", 0, "number", to="1"), "entry 1: number should be a whole number, found a text"),
        (_set("issues", 0, "number", to=True), "number should be a whole number, found a yes or no"),
        (_set("issues", 0, "number", to=10**30), "not a number from 1 to"),
        (_set("issues", 1, "number", to=1), "number 1 is there twice"),
        (_set("issues", 0, "title", to=None), "issue 1: title should be a text, found nothing"),
        (_set("issues", 0, "state", to="AJAR"), "issue 1: state is 'AJAR', not one of OPEN, CLOSED, MERGED"),
        (_set("issues", 0, "createdAt", to="soon"), "issue 1: createdAt is 'soon', not a time"),
        (_set("issues", 0, "comments", 1, "createdAt", to=5), "comment 2: createdAt should be a time"),
        (_set("issues", 0, "labels", to=["a", 2]), "issue 1: labels, entry 2 should be a text"),
        (_set("pulls", 0, "reviews", 1, "body", to=[]), "pull request 3, review 2: body should be a text"),
        (_set("pulls", 0, "mergedAt", to=None), "pull request 3: mergedAt should be a time, found nothing"),
        (_set("repo", to=None), "repo should be a text, found nothing"),
    ],
)
def test_a_wrong_shape_is_refused_in_plain_words(
    context: Flask, tmp_path: Path, change: Change, said: str
) -> None:
    with pytest.raises(BadArchive, match="changed.json") as refusal:
        bring(changed(tmp_path, change))
    assert said in refusal.value.message
    assert not any(counts().values())


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\xff\xfe{}", "line 1: this is not UTF-8"),
        (b"[1]", "expected an object, found a list"),
        (b"[" * 200_000, "nested deeper"),
        (b'{"repo": "a/b", "issues": [], "pulls": [], "labels": [{"name": ' + b"9" * 5000 + b"}]}", "digits"),
    ],
)
def test_a_file_that_is_no_archive_is_refused(context: Flask, tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(raw)
    with pytest.raises(BadArchive, match=said):
        bring(path)
    with pytest.raises(BadArchive, match="No such file"):
        bring(tmp_path / "missing.json")


def test_hostile_and_endless_texts_are_kept_clean(context: Flask, tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script> nul \x00 half \ud800 bell \x07 end"

    def poison(document: dict[str, Any]) -> None:
        document["issues"][0] |= {"title": nasty, "body": nasty, "author": nasty[:25]}
        document["issues"][1]["body"] = "é" * 50_000
        document["labels"][0]["name"] = "x" * 80

    bring(changed(tmp_path, poison))

    issue = issue_of(1)
    assert "<script>" not in issue.description_html
    assert issue.description == "<script>alert(1)</script> nul  half \ufffd bell  end"
    endless = issue_of(2)
    assert len(endless.description) == 50_000
    assert "longer than can be shown" in endless.description_html
    assert [done.difference for done in verify()][-1] is None


def test_a_failure_in_the_middle_of_writing_leaves_nothing(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.importing import writing

    monkeypatch.setattr(writing, "AT_ONCE", 2)
    real, calls = writing.subscribe_many, []

    def tired(rows: Any) -> None:
        calls.append(rows)
        if len(calls) == 3:
            raise OSError("no space left on device")
        real(rows)

    monkeypatch.setattr(writing, "subscribe_many", tired)
    with pytest.raises(OSError, match="no space"):
        bring()
    assert not any(counts().values())
    monkeypatch.undo()
    assert bring().issues == 6


def test_the_command_says_what_it_did_and_what_is_wrong(app: Flask, tmp_path: Path) -> None:
    runner = app.test_cli_runner()
    first = runner.invoke(args=["import", "github-archive", str(SAMPLE), "--project", "ket"])
    assert first.exit_code == 0, first.output
    assert "KET: 6 issues, 8 comments and 4 people imported as" in first.output
    again = runner.invoke(args=["import", "github-archive", str(SAMPLE), "--project", "KET"])
    assert (again.exit_code, again.output.strip()[:20]) == (0, "KET: nothing new. 14")
    broken = tmp_path / "broken.json"
    broken.write_text('{"repo": "a/b",\n "issues": [')
    failed = runner.invoke(args=["import", "github-archive", str(broken), "--project", "KET"])
    assert failed.exit_code == 1
    assert "broken.json, line 2, column 13" in failed.output
    assert "cut off" in failed.output
