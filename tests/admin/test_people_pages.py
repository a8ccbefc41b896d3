"""Admin > People in the browser."""

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.session import find_session, open_session
from app.accounts.user import User
from app.db import db
from app.live import topics
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, claimed, words

NEW = {"name": "Juno Alder", "email": "juno@example.org", "username": "juno"}


def shown_password(page: str) -> str:
    found = re.search(r'value="([a-z0-9]{5}(?:-[a-z0-9]{5}){3})"', page)
    assert found is not None
    return found[1]


class TestMaking:
    def test_an_account_gets_a_password_shown_once(self, context: Flask) -> None:
        boss = browser_of(context, claimed("Boss", admin=True))
        answer = boss.post("/admin/people", NEW)
        assert answer.status_code == 200
        password = shown_password(answer.text)
        assert password not in boss.get("/admin/people").text
        door = Browser(context).post("/sign-in", {"email": NEW["email"], "password": password})
        assert door.status_code == 303
        juno = db.session.scalars(select(User).where(User.username == "juno")).one()
        assert not juno.is_admin

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"name": ""}, "The name is missing"),
            ({"username": "a b"}, "A username has"),
            ({"email": "juno"}, "looks like"),
            ({"email": "BOSS"}, "Somebody has this email"),
            ({"username": "BOSS"}, "is taken"),
        ],
    )
    def test_what_cannot_be_is_said_and_nobody_is_made(
        self, context: Flask, fields: dict[str, str], said: str
    ) -> None:
        person = claimed("Boss", admin=True)
        own = {"email": (person.email or "").upper(), "username": person.username.upper()}
        fields = {name: own[name] if value == "BOSS" else value for name, value in fields.items()}
        answer = browser_of(context, person).post("/admin/people", NEW | fields)
        assert answer.status_code == 422
        assert said in words(answer)
        assert db.session.scalar(select(func.count()).select_from(User)) == 1

    def test_an_imported_person_is_given_their_account(self, context: Flask) -> None:
        boss = browser_of(context, claimed("Boss", admin=True))
        ida = worlds.person("Ida", password_hash=None)
        db.session.commit()
        path = f"/admin/people/{ida.username}"
        assert "Not claimed" in words(boss.get(path))
        assert boss.post(f"{path}/claim", {"email": "no address"}).status_code == 422
        assert boss.post(f"{path}/claim", {"email": "ida@new.org", "password": "short"}).status_code == 422
        answer = boss.post(f"{path}/claim", {"email": "ida@new.org"})
        password = shown_password(answer.text)
        door = Browser(context).post("/sign-in", {"email": "ida@new.org", "password": password})
        assert door.status_code == 303
        again = boss.post(f"{path}/claim", {"email": "other@new.org"})
        assert again.status_code == 409
        assert "in use already" in words(again)


class TestChanging:
    def test_a_deactivated_person_is_out_and_may_come_back(self, context: Flask) -> None:
        boss = browser_of(context, claimed("Boss", admin=True))
        ann = claimed()
        path = f"/admin/people/{ann.username}"
        hers = browser_of(context, ann)
        assert hers.get("/settings/profile").status_code == 200
        assert boss.post(f"{path}/deactivate").status_code == 303
        assert "Ann is deactivated" in words(boss.get(path))
        assert hers.get("/settings/profile").status_code == 303
        assert topics.epochs([ann.id])[ann.id] is None
        assert boss.post(f"{path}/reactivate").status_code == 303
        assert hers.get("/settings/profile").status_code == 303
        door = Browser(context).post("/sign-in", {"email": ann.email or "", "password": worlds.PASSWORD})
        assert door.status_code == 303

    def test_rights_of_an_administrator_come_and_go(self, context: Flask) -> None:
        boss, ann = claimed("Boss", admin=True), claimed()
        his, hers = browser_of(context, boss), browser_of(context, ann)
        assert hers.get("/admin/people").status_code == 404
        his.post(f"/admin/people/{ann.username}/admin/add")
        assert hers.get("/admin/people").status_code == 200
        hers.post(f"/admin/people/{boss.username}/admin/remove")
        assert his.get("/admin/people").status_code == 404

    def test_the_last_administrator_stays(self, context: Flask) -> None:
        boss = claimed("Boss", admin=True)
        browser = browser_of(context, boss)
        for act in ("deactivate", "admin/remove"):
            answer = browser.post(f"/admin/people/{boss.username}/{act}")
            assert answer.status_code == 409
            assert "only administrator" in words(answer)
        db.session.refresh(boss)
        assert (boss.is_active, boss.is_admin) == (True, True)

    def test_somebody_is_signed_out_everywhere(self, context: Flask) -> None:
        boss, ann = browser_of(context, claimed("Boss", admin=True)), claimed()
        _, token = open_session(ann, address=None, agent=None)
        db.session.commit()
        boss.post(f"/admin/people/{ann.username}/sessions/end")
        assert find_session(token) is None


class TestTheList:
    def test_is_searched_and_paged(self, context: Flask) -> None:
        boss = browser_of(context, claimed("Boss", admin=True))
        for _ in range(110):
            worlds.person("Crowd")
        worlds.person("Zoe 100%_")
        db.session.commit()
        first = boss.get("/admin/people")
        link = re.search(r'href="(/admin/people\?q=&amp;after=[^"]+)"', first.text)
        assert link is not None
        assert "Zoe" in boss.get(link[1].replace("&amp;", "&")).text
        assert words(boss.get("/admin/people?q=100%25_")).count("Zoe 100%_") == 1
        assert "Nobody found" in words(boss.get("/admin/people?q=%25%25"))

    @pytest.mark.parametrize("path", ["/admin/people", "/admin/people/nobody"])
    def test_does_not_exist_for_others(self, context: Flask, path: str) -> None:
        assert browser_of(context, claimed()).get(path).status_code == 404
        assert browser_of(context, claimed()).post(path + "/deactivate").status_code in (404, 405)
        assert Browser(context).get(path).status_code == 303
