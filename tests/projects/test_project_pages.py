"""Projects in the browser: making, settings, members, labels."""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.issues.label import project_labels
from app.live import topics
from app.projects.membership import add_member, role_of
from app.projects.project import Project
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, claimed, words

HOSTILE = "<img src=x onerror=alert(1)>"
NEW = {"name": "Orchard", "key": "orc", "description": "Apples", "visibility": "members"}


def events(project: Project) -> list[str]:
    query = select(Event.action).where(Event.project_id == project.id, Event.subject == "project")
    return list(db.session.scalars(query.order_by(Event.seq)))


def one_project() -> Project:
    return db.session.scalars(select(Project)).one()


def test_people_who_take_one_key_at_once_get_one_project_and_words(context: Flask) -> None:
    browsers = [browser_of(context, claimed(name)) for name in ("Ann", "Bea", "Cleo", "Dora")]
    tokens = [browser.form_token() for browser in browsers]
    db.session.rollback()
    start = threading.Barrier(len(browsers))
    answers: list[TestResponse] = []

    def take(browser: Browser, token: str) -> None:
        start.wait()
        answers.append(browser.send("POST", "/projects", data={"csrf_token": token, **NEW}))

    threads = [threading.Thread(target=take, args=both) for both in zip(browsers, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 303
    assert set(statuses[1:]) <= {409, 422}
    assert one_project().key == "ORC"


class TestMaking:
    def test_who_makes_a_project_leads_it(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        assert "No projects yet" in words(browser.get("/projects"))
        answer = browser.post("/projects", NEW)
        assert (answer.status_code, answer.location) == (303, "/projects/ORC")
        project = one_project()
        assert role_of(project, ann) == "lead"
        assert events(project) == ["created", "member_added"]
        assert browser.get("/projects/orc").location == "/projects/ORC/issues"
        page = words(browser.get("/projects"))
        assert "Orchard ORC Apples 0 open" in page
        assert "you are lead" in page

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"name": " "}, "The name is missing"),
            ({"key": "o"}, "2 to 10"),
            ({"key": "1ORC"}, "begins with a letter"),
            ({"key": "ÖRC"}, "2 to 10"),
            ({"key": ""}, "2 to 10"),
            ({"visibility": "secret"}, "Choose who may see"),
            ({"description": "x" * 2_001}, "2,000 is the most"),
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_is_made(
        self, context: Flask, fields: dict[str, str], said: str
    ) -> None:
        answer = browser_of(context, claimed()).post("/projects", NEW | fields)
        assert answer.status_code == 422
        assert said in words(answer)
        assert db.session.scalar(select(func.count()).select_from(Project)) == 0

    def test_a_taken_key_is_said_even_where_one_may_not_see_its_project(self, context: Flask) -> None:
        browser_of(context, claimed()).post("/projects", NEW | {"name": "Secret plans"})
        answer = browser_of(context, claimed("Bea")).post("/projects", NEW | {"key": "ORC"})
        assert answer.status_code == 422
        assert "The key ORC is taken" in words(answer)
        assert "Secret plans" not in answer.text

    def test_hostile_names_are_only_text(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        browser.post("/projects", NEW | {"name": HOSTILE, "description": HOSTILE})
        for path in ("/projects", "/projects/ORC/settings", "/projects/ORC/settings/members"):
            page = browser.get(path).text
            assert HOSTILE not in page
            assert "&lt;img src=x" in page


class TestSettings:
    def test_each_change_is_an_event_and_no_change_is_none(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        browser.post("/projects", NEW)
        same = {name: NEW[name] for name in ("name", "description", "visibility")}
        browser.post("/projects/ORC/settings", same)
        assert events(one_project()) == ["created", "member_added"]
        changed = {"name": "Grove", "description": "Pears", "visibility": "public"}
        assert browser.post("/projects/ORC/settings", changed).status_code == 303
        assert events(one_project())[2:] == ["renamed", "described", "visibility_changed"]

    def test_an_archived_project_leaves_the_list_and_comes_back(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        browser.post("/projects", NEW)
        browser.post("/projects/ORC/archive/add")
        assert "Show 1 archived project" in words(browser.get("/projects"))
        assert "Orchard" in words(browser.get("/projects?show=archived"))
        assert "Orchard is archived." in words(browser.get("/projects/ORC/settings"))
        browser.post("/projects/ORC/archive/remove")
        assert "Orchard" in words(browser.get("/projects"))
        assert events(one_project())[2:] == ["archived", "unarchived"]


class TestMembers:
    def test_are_added_given_roles_and_removed(self, context: Flask) -> None:
        ann, bea = claimed(), claimed("Bea")
        browser, hers = browser_of(context, ann), browser_of(context, bea)
        browser.post("/projects", NEW)
        members = "/projects/ORC/settings/members"
        assert hers.get("/projects/ORC").status_code == 404
        answer = browser.post(members, {"username": f"@{bea.username.upper()}", "role": "viewer"})
        assert answer.status_code == 303
        assert hers.get("/projects/ORC").status_code == 302
        browser.post(f"{members}/{bea.username}/role", {"role": "member"})
        assert role_of(one_project(), bea) == "member"
        epoch = topics.epochs([bea.id])[bea.id]
        browser.post(f"{members}/{bea.username}/remove")
        assert hers.get("/projects/ORC").status_code == 404
        assert topics.epochs([bea.id])[bea.id] != epoch
        assert events(one_project())[2:] == ["member_added", "member_role_changed", "member_removed"]

    @pytest.mark.parametrize(
        ("fields", "status", "said"),
        [
            ({"username": "nobody", "role": "member"}, 422, "nobody with this username"),
            ({"username": "", "role": "member"}, 422, "nobody with this username"),
            ({"username": "ANN", "role": "member"}, 409, "is already in"),
            ({"username": "BEA", "role": "owner"}, 422, "A role is lead, member or viewer"),
        ],
    )
    def test_what_cannot_be_is_said(
        self, context: Flask, fields: dict[str, str], status: int, said: str
    ) -> None:
        ann, bea = claimed(), claimed("Bea")
        names = {"ANN": ann.username, "BEA": bea.username}
        browser = browser_of(context, ann)
        browser.post("/projects", NEW)
        fields = fields | {"username": names.get(fields["username"], fields["username"])}
        answer = browser.post("/projects/ORC/settings/members", fields)
        assert answer.status_code == status
        assert said in words(answer)

    def test_the_only_lead_stays(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        browser.post("/projects", NEW)
        path = f"/projects/ORC/settings/members/{ann.username}"
        for answer in (browser.post(f"{path}/remove"), browser.post(f"{path}/role", {"role": "member"})):
            assert answer.status_code == 409
            assert "only lead" in words(answer)
        assert role_of(one_project(), ann) == "lead"

    def test_a_lead_who_leaves_is_led_away(self, context: Flask) -> None:
        ann, bea = claimed(), claimed("Bea")
        browser = browser_of(context, ann)
        browser.post("/projects", NEW)
        browser.post("/projects/ORC/settings/members", {"username": bea.username, "role": "lead"})
        answer = browser.post(f"/projects/ORC/settings/members/{ann.username}/remove")
        assert answer.location == "/projects"


class TestLabels:
    def test_are_made_in_one_of_six_colours(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        browser.post("/projects", NEW)
        path = "/projects/ORC/settings/labels"
        assert "No labels" in words(browser.get(path))
        assert browser.post(path, {"name": HOSTILE, "color": "sky"}).status_code == 303
        assert HOSTILE not in browser.get(path).text
        for fields, said in (
            ({"name": "", "color": "sky"}, "The name is missing"),
            ({"name": "x" * 51, "color": "sky"}, "50 is the most"),
            ({"name": HOSTILE.upper(), "color": "sky"}, "already a label"),
            ({"name": "bug", "color": "pink"}, "Choose a colour"),
        ):
            answer = browser.post(path, fields)
            assert answer.status_code == 422
            assert said in words(answer)
        assert [label.color for label in project_labels(one_project())] == ["sky"]


ROLES = ("visitor", "stranger", "viewer", "member", "lead", "admin")
PAGES = ("/settings", "/settings/members", "/settings/labels")
ACTS = (
    ("/settings", {"name": "Taken over", "description": "", "visibility": "public"}),
    ("/archive/add", {}),
    ("/archive/remove", {}),
    ("/settings/members", {"username": "OTIS", "role": "lead"}),
    ("/settings/members/OTIS/role", {"role": "lead"}),
    ("/settings/members/OTIS/remove", {}),
    ("/settings/labels", {"name": "mine", "color": "sky"}),
)


class TestRights:
    """Every page of a project's settings, for everybody: what one may not see does not exist."""

    @pytest.fixture
    def browsers(self, context: Flask) -> dict[str, Browser]:
        people = {role: claimed(role.capitalize(), admin=role == "admin") for role in ROLES[1:]}
        for key, visibility in (("OPEN", "public"), ("SHUT", "members")):
            project = worlds.project(people["lead"], key=key, visibility=visibility, name=f"Canary {key}")
            for role in ("viewer", "member"):
                add_member(project, people[role], role=role, actor=people["lead"].actor)  # type: ignore[arg-type]
        db.session.commit()
        return {role: browser_of(context, people.get(role)) for role in ROLES}

    @staticmethod
    def expected(role: str, key: str) -> int | None:
        if role in ("lead", "admin"):
            return None
        return 404 if key == "SHUT" and role in ("visitor", "stranger") else 403

    def test_pages(self, browsers: dict[str, Browser]) -> None:
        for role, browser in browsers.items():
            for key in ("OPEN", "SHUT"):
                for page in PAGES:
                    answer = browser.get(f"/projects/{key}{page}")
                    wanted = self.expected(role, key) or 200
                    assert (role, key, page, answer.status_code) == (role, key, page, wanted)
                    if wanted == 404:
                        assert "Canary" not in answer.text

    def test_acts_of_those_who_may_not_change_nothing(self, browsers: dict[str, Browser]) -> None:
        member = db.session.scalars(select(User).where(User.name == "Member")).one().username
        before = db.session.scalar(select(func.count()).select_from(Event))
        for role, browser in browsers.items():
            if role in ("lead", "admin"):
                continue
            for key in ("OPEN", "SHUT"):
                for act, fields in ACTS:
                    path = act.replace("OTIS", member)
                    sent = {name: member if value == "OTIS" else value for name, value in fields.items()}
                    answer = browser.post(f"/projects/{key}{path}", sent)
                    wanted = self.expected(role, key)
                    assert (role, key, path, answer.status_code) == (role, key, path, wanted)
        assert db.session.scalar(select(func.count()).select_from(Event)) == before

    @pytest.mark.parametrize("role", ["lead", "admin"])
    def test_acts_of_those_who_may_are_done(self, browsers: dict[str, Browser], role: str) -> None:
        member = db.session.scalars(select(User).where(User.name == "Member")).one().username
        for path, fields in ACTS:
            if path == "/settings/members":
                continue
            answer = browsers[role].post(f"/projects/SHUT{path.replace('OTIS', member)}", fields)
            assert (path, answer.status_code) == (path, 303)

    def test_the_list_and_the_side_bar_name_only_what_one_may_see(self, browsers: dict[str, Browser]) -> None:
        for role, browser in browsers.items():
            page = browser.get("/projects").text
            assert "Canary OPEN" in page
            assert ("Canary SHUT" in page) == (role not in ("visitor", "stranger"))

    def test_only_people_make_projects(self, browsers: dict[str, Browser]) -> None:
        for role, browser in browsers.items():
            wanted = 303 if role == "visitor" else 200
            assert (role, browser.get("/projects/new").status_code) == (role, wanted)
        assert browsers["visitor"].post("/projects", NEW).location == "/sign-in"
