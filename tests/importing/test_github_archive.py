"""Importing a GitHub archive: everything at its true time, nobody told, and a second time nothing."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.passwords import matches
from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.events.queries import with_actions
from app.events.verifying import verify
from app.importing import texts
from app.inboxes.delivery import Delivery
from app.issues.comment import Comment
from app.issues.deletion import delete_issue
from app.issues.issue import Issue, Opening, open_issue
from app.issues.label import Label, project_labels
from app.issues.subscription import watchers
from app.issues.workflow import change_status
from app.issues.written import NOTHING
from app.projects.membership import role_of
from app.projects.project import Project
from tests.importing.kettle import bring, changed, counts, history, issue_of
from tests.support import world as worlds


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

    query = select(Delivery.inbox, Delivery.state, Delivery.reason, Delivery.next_attempt_at).distinct()
    found = {tuple(row) for row in db.session.execute(query)}
    taken = {
        ("audit_log", "delivered", "kept with the import", None),
        ("analytics", "delivered", "counted with the import", None),
    }
    assert taken < found
    assert {row[1:] for row in found - taken} == {("skipped", "imported", None)}
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


def test_nothing_is_added_to_an_issue_that_was_deleted(context: Flask, tmp_path: Path) -> None:
    def say_more(archive: dict[str, Any]) -> None:
        for item in archive["issues"]:
            item["comments"].append(
                {"author": "ada-fern", "createdAt": "2021-01-01T00:00:00Z", "body": "More"}
            )

    bring()
    gone, lead = issue_of(1), worlds.person()
    gone.project = db.session.get_one(Project, gone.project_id)
    delete_issue(gone, actor=lead.actor)
    db.session.commit()
    bring(changed(tmp_path, say_more))
    assert [event.action for event in history(1)][-1] == "deleted"
    assert [event.action for event in history(2)][-1] == "commented"
