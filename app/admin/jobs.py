"""Admin > Jobs: RQ's queues and its failed jobs: wake-ups and periodic turns. Deliveries have their own page."""

from collections.abc import Callable

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.admin.ticks import TICK, tick
from app.admin.workers import failed_jobs, queues, remove_job, retry_job, workers
from app.projects.policy import require_admin
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_jobs", __name__, url_prefix="/admin/jobs")


@blueprint.get("")
@signed_in
def index() -> Response:
    """Queues, workers, failed jobs; without Redis a line that says so."""
    require_admin(viewer())
    return render(
        "admin/jobs.html",
        fragment="numbers",
        topics=[f"tick:{TICK}"],
        tick=tick(),
        every=TICK,
        queues=queues(),
        workers=workers(),
        failed=failed_jobs(),
    )


@blueprint.post("/<queue>/<job_id>/retry")
@signed_in
def retry(queue: str, job_id: str) -> AnyResponse:
    """Put a failed job back into its queue."""
    return _act(retry_job, queue, job_id, "The job is in its queue again")


@blueprint.post("/<queue>/<job_id>/removal")
@signed_in
def remove(queue: str, job_id: str) -> AnyResponse:
    """Forget a failed job."""
    return _act(remove_job, queue, job_id, "The job is gone")


def _act(verb: Callable[[str, str], None], queue: str, job_id: str, did: str) -> AnyResponse:
    require_admin(viewer())
    verb(queue, job_id)
    toast_next_page(did)
    return see_other("/admin/jobs")
