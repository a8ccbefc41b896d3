"""What cannot be imported is refused in plain words, and leaves nothing half done."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.errors import Conflict, Invalid
from app.events.verifying import verify
from app.importing.shape import BadArchive
from tests.importing.kettle import SAMPLE, Change, bring, changed, counts, issue_of
from tests.support import world as worlds


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
