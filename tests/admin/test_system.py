"""Admin > System and Jobs, `flask doctor`, /readyz and /metrics: true when all is well, and when it is not."""

import dataclasses
import re

import pytest
import redis
from flask import Flask
from rq.job import Job
from rq.worker import SimpleWorker
from sqlalchemy import select, text, update

from app import broker, clock
from app.accounts.token import create_token
from app.accounts.user import User
from app.admin.checks import all_checks
from app.admin.workers import failed_jobs, queues
from app.db import db
from app.guards import create_guards, drop_guards
from app.inboxes.delivery import Delivery
from app.inboxes.failed import failed_now
from app.issues.comment import add_comment
from app.periodic import Schedule
from app.worker import TidingsQueue, rq
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, writes_again
from tests.support.web import Browser, browser_of, words


@pytest.fixture
def admin(app: Flask, world: worlds.World) -> Browser:
    root = worlds.person("Root", admin=True)
    db.session.commit()
    deliver()
    return browser_of(app, root)


def fails(_what: str = "") -> None:
    raise RuntimeError("a job that cannot be done")


def failed_job(valkey: str) -> Job:
    """A job that a worker tried."""
    queue = rq.get_queue("events")
    queue.empty()
    job = queue.enqueue(fails, "x")
    worker = SimpleWorker(
        [queue.name],
        connection=redis.Redis.from_url(valkey),
        queue_class=TidingsQueue,
        job_class=queue.job_class,
        serializer=queue.serializer,
    )
    worker.work(burst=True)
    return job


@pytest.fixture
def without_redis(app: Flask) -> None:
    """As if Redis had gone away."""
    app.extensions["settings"] = dataclasses.replace(
        app.extensions["settings"], redis_url="redis://127.0.0.1:1/0"
    )


def state(name: str) -> tuple[bool, str]:
    [found] = [one for one in all_checks() if one.name == name]
    return found.fine, found.words


def test_the_page_says_how_everything_is(admin: Browser) -> None:
    page = words(admin.get("/admin/system"))
    for said in (
        "Checks",
        "Database Fine",
        "all",
        "in place",
        "Workers",
        "No worker is running",
        "Queues",
        "Replays",
    ):
        assert said in page, said
    assert "things need you" in page or "thing needs you" in page


def test_the_doctor_says_a_line_for_each_and_fails_when_one_is_wrong(app: Flask, world: worlds.World) -> None:
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert result.exit_code == 1  # no worker runs here
    lines = result.output.splitlines()
    assert len(lines) == 10
    assert [line for line in lines if line.startswith("WRONG")] == [
        "WRONG Workers: none is running: start flask rq worker"
    ]


def test_a_missing_guard_and_a_missing_migration_are_found(world: worlds.World) -> None:
    assert state("Guards")[0]
    drop_guards(db.session.connection())
    fine, said = state("Guards")
    assert not fine
    assert "events_no_update" in said
    create_guards(db.session.connection())
    assert state("Migrations")[0]
    db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    fine, said = state("Migrations")
    assert not fine
    assert "flask db upgrade" in said
    db.session.rollback()


def test_work_that_nobody_does_and_turns_that_fail_are_found(world: worlds.World) -> None:
    deliver()
    assert state("Queues") == (True, "nothing waits")
    long_ago = clock.now().replace(year=2020)
    db.session.execute(update(Delivery).values(state="pending", next_attempt_at=long_ago))
    db.session.add(Schedule(name="replays", next_run_at=clock.now(), last_error="it broke"))
    db.session.commit()
    assert "events for" in state("Queues")[1]
    assert state("Periodic work") == (False, "failed or late: replays")


def test_without_redis_the_pages_say_so(admin: Browser, without_redis: None) -> None:
    assert "Redis is away" in words(admin.get("/admin/system"))
    assert "Redis is away" in words(admin.get("/admin/jobs"))
    assert admin.post("/admin/jobs/events/x/retry").status_code == 409
    answer = admin.get("/readyz")
    assert answer.status_code == 503
    assert "wrong redis" in answer.text
    assert admin.get("/metrics").status_code == 200


def test_readyz_is_for_everybody_and_says_nothing_more(app: Flask, world: worlds.World) -> None:
    answer = browser_of(app).get("/readyz")
    assert answer.status_code == 200
    assert answer.text == "ok database\nok migrations\nok redis\n"


def test_metrics_are_for_this_machine_and_for_administrators(
    app: Flask, admin: Browser, world: worlds.World
) -> None:
    here = browser_of(app).get("/metrics")
    assert here.content_type.startswith("text/plain; version=0.0.4")
    for line in here.text.splitlines():
        assert re.fullmatch(r'#.*|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+', line), line
    assert 'tidings_deliveries_dead{inbox="email_notifications"} 0' in here.text
    assert browser_of(app, address="203.0.113.9").get("/metrics").status_code == 404
    assert browser_of(app).get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    root = db.session.scalars(select(User).where(User.is_admin)).one()
    for scope, status in (("admin", 200), ("write", 404)):
        _token, secret = create_token(root, title=scope, scope=scope, actor=root.actor)
        db.session.commit()
        headers = {"Authorization": f"Bearer {secret}"}
        assert browser_of(app, address="203.0.113.9").get("/metrics", headers=headers).status_code == status
    admin.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert admin.get("/metrics").status_code == 200


def test_a_failed_job_is_shown_put_back_and_forgotten(app: Flask, admin: Browser, valkey: str) -> None:
    job = failed_job(valkey)
    assert "RuntimeError: a job that cannot be done" in words(admin.get("/admin/jobs"))
    assert admin.post(f"/admin/jobs/events/{job.id}/retry").status_code == 303
    assert failed_jobs() == []
    found = queues()
    assert found is not None
    assert {one.name: one.waiting for one in found}["events"] >= 1
    other = failed_job(valkey)
    assert admin.post(f"/admin/jobs/events/{other.id}/removal").status_code == 303
    assert failed_jobs() == []
    assert admin.post(f"/admin/jobs/events/{other.id}/removal").status_code == 404
    assert admin.post(f"/admin/jobs/nothing/{other.id}/retry").status_code == 404
    assert broker.broker().failures == 0


def test_the_side_bar_tells_administrators_how_many_failed_for_good(
    app: Flask, admin: Browser, world: worlds.World
) -> None:
    assert 'id="failed-count"' in admin.get("/").text
    assert 'id="failed-count"' not in browser_of(app, world.lead).get("/").text
    before = failed_now()
    with refused_by_database("notifications"):
        add_comment(world.issue, worlds.said("Hello"), author=world.member, actor=world.member.actor)
        db.session.commit()
        for _ in range(8):
            make_due()
            deliver()
    number, head = failed_now()
    assert number == 1
    assert head > before[1]
    fragment = admin.get(
        "/admin/inboxes/failed", headers={"HX-Request": "true", "HX-Request-Type": "partial"}
    )
    assert ">1<" in re.sub(r'<span class="sr">.*?</span>', "", fragment.text)
    assert "<html" not in fragment.text
    admin.post("/admin/deliveries/discard", {"state": "dead"})
    writes_again()
    assert failed_now()[0] == 0
    assert failed_now()[1] > head


def test_for_others_none_of_this_exists(app: Flask, world: worlds.World) -> None:
    browser = browser_of(app, world.lead)
    for path in ("/admin/system", "/admin/jobs", "/admin/inboxes/failed"):
        assert browser.get(path).status_code == 404
    for path in ("/admin/jobs/events/1/retry", "/admin/jobs/events/1/removal"):
        assert browser.post(path).status_code == 404
