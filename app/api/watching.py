"""Whether the owner of a token watches an issue."""

from flask import Response

from app.api.blueprint import blueprint
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.issues import TAGS
from app.api.parameters import IssueAddress
from app.api.shapes import SubscriptionShape
from app.issues.queries import (
    issue_for_change,
    subscription_of,
    visible_issue,
)
from app.issues.subscription import Subscription, unwatch, watch
from app.projects.policy import Right


@blueprint.get(
    "/issues/<key>/subscription",
    tags=TAGS,
    summary="Whether you watch it",
    responses={200: SubscriptionShape},
)
def subscription(path: IssueAddress) -> Response:
    """How the owner of this token watches the issue."""
    issue = visible_issue(viewer(), path.key)
    return answer(_subscription_shape(subscription_of(issue, viewer())))


@blueprint.put(
    "/issues/<key>/subscription", tags=TAGS, summary="Watch it", responses={200: SubscriptionShape}
)
def subscribe(path: IssueAddress) -> Response:
    """Twice is once."""
    begin()
    issue = issue_for_change(viewer(), path.key, Right.see)
    watch(issue, caller().owner, actor=viewer().actor)
    return done(200, _subscription_shape(subscription_of(issue, viewer())))


@blueprint.delete("/issues/<key>/subscription", tags=TAGS, summary="Stop watching it", responses={204: None})
def unsubscribe(path: IssueAddress) -> Response:
    """Mentions and comments do not bring you back."""
    begin()
    issue = issue_for_change(viewer(), path.key, Right.see)
    unwatch(issue, caller().owner, actor=viewer().actor)
    return done(204)


def _subscription_shape(row: Subscription | None) -> SubscriptionShape:
    if row is None:
        return SubscriptionShape(watching=False, muted=False, reason=None, since=None)
    return SubscriptionShape(watching=not row.muted, muted=row.muted, reason=row.reason, since=row.created_at)
