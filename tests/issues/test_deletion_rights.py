"""Who may delete an issue and bring it back."""

from app.db import db
from app.issues.deletion import delete_issue, deleted_issues
from app.projects.membership import add_member
from app.projects.project import archive
from tests.issues.deletable import TITLE, Scene, pages, shows
from tests.support import world as worlds
from tests.support.web import words


def test_only_leads_delete_and_bring_back(scene: Scene) -> None:
    for who, status in (("member", 403), ("stranger", 403)):
        browser = scene.browser(who)
        assert browser.get("/issues/ORC-1/deletion").status_code == status
        assert browser.post("/issues/ORC-1/deletion").status_code == status
        assert browser.post("/issues/ORC-1/restoration").status_code == status
    lead = scene.browser("lead")
    assert "Delete this issue" in words(lead.get("/issues/ORC-1"))
    assert "Delete this issue" not in words(scene.browser("member").get("/issues/ORC-1"))
    assert lead.post("/issues/ORC-1/restoration").status_code == 409

    asked = words(lead.get("/issues/ORC-1/deletion"))
    assert "2 comments" in asked
    assert "Nothing is thrown away" in asked
    gone = lead.post("/issues/ORC-1/deletion")
    assert (gone.status_code, gone.location) == (303, "/projects/ORC")
    page = lead.get("/projects/ORC/issues")
    assert "ORC-1 was deleted Undo" in words(page)
    assert 'action="/issues/ORC-1/restoration"' in page.text

    for who, status in (("member", 404), ("stranger", 404)):
        browser = scene.browser(who)
        assert browser.post("/issues/ORC-1/restoration").status_code == status
        assert browser.get("/projects/ORC/settings/deleted").status_code == 403
    listed = words(lead.get("/projects/ORC/settings/deleted"))
    assert f"ORC-1 {TITLE}" in listed
    assert scene.world.lead.name in listed
    assert lead.post("/issues/ORC-1/restoration").location == "/issues/ORC-1"
    assert "ORC-1 is back" in words(lead.get("/issues/ORC-1"))
    assert "No deleted issues" in words(lead.get("/projects/ORC/settings/deleted"))


def test_in_an_archived_project_nothing_is_deleted_and_nothing_comes_back(scene: Scene) -> None:
    lead = scene.browser("lead")
    scene.delete()
    archive(scene.world.project, actor=scene.world.actor)
    db.session.commit()
    assert lead.post("/issues/ORC-2/deletion").status_code == 403
    assert lead.post("/issues/ORC-1/restoration").status_code == 403
    listed = lead.get("/projects/ORC/settings/deleted")
    assert TITLE in listed.text
    assert "Restore ORC-1" not in listed.text


def test_programs_of_leads_delete_and_bring_back(scene: Scene) -> None:
    lead, member = scene.program("lead"), scene.program("member")
    assert member.delete("/issues/ORC-1").status_code == 403
    assert member.post("/issues/ORC-1/restore").status_code == 403
    assert lead.post("/issues/ORC-1/restore").status_code == 409
    assert lead.delete("/issues/ORC-1").status_code == 204
    assert lead.delete("/issues/ORC-1").status_code == 404
    assert member.post("/issues/ORC-1/restore").status_code == 404
    assert TITLE in lead.post("/issues/ORC-1/restore").text
    assert member.get("/issues/ORC-1").status_code == 200


def test_a_lead_of_another_project_is_nobody_here(scene: Scene) -> None:
    worlds.project(scene.world.stranger, key="OTH")
    add_member(scene.world.project, scene.world.stranger, role="viewer", actor=scene.world.actor)
    db.session.commit()
    scene.delete()
    browser = scene.browser("stranger")
    assert [path for path in pages(scene) if shows(browser, path)] == []
    assert browser.post("/issues/ORC-1/restoration").status_code == 404


def test_the_list_goes_on_where_the_page_before_ended(scene: Scene) -> None:
    made = [worlds.issue(scene.world.project, scene.world.lead, title=f"Spam {n}") for n in range(5)]
    for one in made:
        delete_issue(one, actor=scene.world.actor)
    db.session.commit()
    first, more = deleted_issues(scene.world.project, limit=3)
    rest, last = deleted_issues(scene.world.project, after=(first[-1].at, first[-1].id), limit=3)
    assert [one.title for one in first + rest] == [f"Spam {n}" for n in (4, 3, 2, 1, 0)]
    assert (more, last) == (True, False)
