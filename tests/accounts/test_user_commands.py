"""`flask user …`"""

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.passwords import matches
from app.accounts.user import User
from app.db import db
from app.events.event import Event
from tests.support import world as worlds

CREATE = [
    "user",
    "create",
    "juno@example.org",
    "--name",
    "Juno Alder",
    "--username",
    "Juno",
    "--password-stdin",
]


def run(app: Flask, *arguments: str, stdin: str = "") -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=list(arguments), input=stdin)
    return result.exit_code, result.output


def test_create_makes_an_account_that_can_sign_in(context: Flask) -> None:
    code, said = run(context, *CREATE, "--admin", stdin="a sentence is fine\n")
    assert (code, said.strip()) == (0, "juno <juno@example.org> can sign in and administer")
    juno = db.session.scalars(select(User)).one()
    assert juno.is_admin
    assert matches("a sentence is fine", juno.password_hash, cheap=True)
    event = db.session.scalars(select(Event)).one()
    assert (event.action, event.actor_kind, event.facts["via"]) == ("user_created", "system", "cli")


@pytest.mark.parametrize(
    ("changed", "stdin", "said"),
    [
        ({}, "short\n", "at least 8"),
        ({}, "", "at least 8"),
        ({2: "juno"}, "a sentence is fine\n", "looks like"),
        ({6: "-j"}, "a sentence is fine\n", "A username has"),
        ({4: " "}, "a sentence is fine\n", "is missing"),
    ],
)
def test_create_says_what_is_wrong_and_makes_nobody(
    context: Flask, changed: dict[int, str], stdin: str, said: str
) -> None:
    arguments = [changed.get(place, word) for place, word in enumerate(CREATE)]
    code, output = run(context, *arguments, stdin=stdin)
    assert code == 1
    assert said in output
    assert "Traceback" not in output
    assert db.session.scalars(select(User)).all() == []


def test_a_second_of_the_same_name_is_refused(context: Flask) -> None:
    run(context, *CREATE, stdin="a sentence is fine\n")
    code, output = run(context, *CREATE, stdin="a sentence is fine\n")
    assert code == 1
    assert "is taken" in output


def test_deactivate_and_list(context: Flask) -> None:
    worlds.person("Boss", admin=True)
    ann, ida = worlds.person("Ann"), worlds.person("Ida", password_hash=None)
    db.session.commit()
    assert run(context, "user", "deactivate", ann.email or "")[0] == 0
    assert run(context, "user", "deactivate", "nobody@example.org")[0] == 1
    lines = dict(line.split("\t", 1) for line in run(context, "user", "list")[1].splitlines())
    assert lines[ann.username].endswith("deactivated")
    assert lines[ida.username].endswith("unclaimed")


def test_the_last_administrator_cannot_be_deactivated_by_command_either(context: Flask) -> None:
    boss = worlds.person("Boss", admin=True)
    db.session.commit()
    code, output = run(context, "user", "deactivate", boss.email or "")
    assert code == 1
    assert "only administrator" in output
