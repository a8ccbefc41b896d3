"""What stands around every page: at most two queries, and nothing the viewer may not see."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, g
from flask_login import login_user
from sqlalchemy import Engine, event

from app.accounts.current import SignedIn
from app.accounts.session import open_session
from app.accounts.user import User
from app.db import db
from app.feeds import shell
from app.live import topics
from app.projects.project import Project, archive
from app.web.shell import Shell
from tests.support import world as worlds


@contextmanager
def counting() -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def shell_for(
    app: Flask, user: User | None, place: Project | None = None, *watched: str
) -> tuple[Shell, int]:
    """The shell, and in how many queries it was made."""
    with app.test_request_context("/"):
        g.pop("viewer", None)
        if user is not None:
            session, token = open_session(user, address=None, agent=None)
            db.session.commit()
            login_user(SignedIn(token, session, user))
        with counting() as statements:
            made = shell.make(place, watched)
        g.pop("_login_user", None)
        g.pop("viewer", None)
        return made, len(statements)


def test_costs_two_queries_however_many_projects_there_are(context: Flask, world: worlds.World) -> None:
    for number in range(20):
        worlds.project(world.lead, key=f"P{number}", name=f"Project {number:02}")
    db.session.commit()
    made, queries = shell_for(context, world.lead, world.project)
    assert queries <= 2
    assert len(made.projects) == shell.MOST_PROJECTS
    assert made.project is not None
    assert (made.project.key, made.project.open_issues, made.project.managed) == ("ORC", 1, True)


def test_names_only_what_the_viewer_may_see(context: Flask, world: worlds.World) -> None:
    worlds.project(world.lead, key="OPEN", visibility="public", name="Open")
    db.session.commit()
    for user, keys in ((world.member, ["OPEN", "ORC"]), (world.stranger, ["OPEN"]), (None, ["OPEN"])):
        made, _queries = shell_for(context, user)
        assert [project.key for project in made.projects] == keys


def test_an_archived_project_stands_there_only_on_its_own_pages(context: Flask, world: worlds.World) -> None:
    archive(world.project, actor=world.actor)
    db.session.commit()
    assert shell_for(context, world.lead)[0].projects == []
    here = shell_for(context, world.lead, world.project)[0].project
    assert here is not None
    assert here.key == "ORC"


def test_the_live_token_is_for_the_page_and_the_person(context: Flask, world: worlds.World) -> None:
    made, _queries = shell_for(context, world.member, world.project, "issue:7")
    token = topics.read(made.live_token or "")
    assert token.topics == ("issue:7", f"user:{world.member.id}")
    assert (token.user_id, token.epoch) == (world.member.id, world.member.live_epoch)
    assert shell_for(context, None)[0].live_token is None
