"""Issues: deleted, and brought back."""

from flask import Response

from app.api.blueprint import blueprint
from app.api.entry import viewer
from app.api.idempotency import begin, done
from app.api.issues import TAGS, issue_shape
from app.api.parameters import IssueAddress
from app.api.shapes import IssueShape
from app.issues.deletion import delete_issue, restore_issue
from app.issues.queries import cards, deleted_issue_for_change, issue_for_change
from app.projects.policy import Right


@blueprint.delete("/issues/<key>", tags=TAGS, summary="Delete an issue", responses={204: None})
def delete_an_issue(path: IssueAddress) -> Response:
    """Out of everybody's sight, with all its events; nothing is thrown away, and its number stays taken. For leads."""
    begin()
    issue = issue_for_change(viewer(), path.key, Right.moderate)
    delete_issue(issue, actor=viewer().actor)
    return done(204)


@blueprint.post(
    "/issues/<key>/restore", tags=TAGS, summary="Bring a deleted issue back", responses={200: IssueShape}
)
def restore_an_issue(path: IssueAddress) -> Response:
    """As it was. 409 when it is not deleted. For leads; to others a deleted issue is unknown."""
    begin()
    issue = deleted_issue_for_change(viewer(), path.key)
    restore_issue(issue, actor=viewer().actor)
    return done(200, issue_shape(cards([issue])[0]))
