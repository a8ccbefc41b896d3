"""A GET changes nothing: the tables are the same before and after all pages were read as administrator."""

from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import Base, db
from app.issues.label import create_label
from tests.support import world as worlds
from tests.support.web import browser_of, claimed

HERE = ("accounts.", "settings.", "admin_people.", "projects.", "labels.", "project_list.")


def everything() -> str:
    digest = sha256()
    for table in Base.metadata.sorted_tables:
        rows = sorted(repr(tuple(row)) for row in db.session.execute(select(table)))
        digest.update(f"{table.name}{rows}".encode())
    return digest.hexdigest()


def test_reading_every_page_as_administrator(context: Flask) -> None:
    boss = claimed("Boss", admin=True)
    project = worlds.project(boss)
    create_label(project, name="bug", color="rose", actor=boss.actor)
    db.session.commit()
    browser = browser_of(context, boss)
    before = everything()
    values = {"key": "ORC", "username": boss.username}
    read = 0
    for rule in context.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint.startswith(HERE):
            _domain, path = rule.build({name: values[name] for name in rule.arguments}) or pytest.fail(
                rule.rule
            )
            answer = browser.get(path)
            assert (path, answer.status_code < 500) == (path, True)
            read += 1
    assert read >= 16
    assert everything() == before
