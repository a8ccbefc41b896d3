"""Comments: said, rewritten, taken back."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, user, viewer
from app.db import begin_write, db
from app.errors import DomainError, Forbidden, NotFound
from app.issues.comment import Comment, add_comment, delete_comment, edit_comment
from app.issues.issue import Issue
from app.issues.queries import comment_of, issue_for_change, person_ref
from app.issues.rendering import write_text
from app.issues.verbs import allowed, require_author, seen, sent_version
from app.issues.workflow import allowed_steps, change_status
from app.notifications.notification import mark_read
from app.projects.policy import Right, require, rights
from app.web.render import render

bp = Blueprint("comments", __name__, url_prefix="/issues/<key>/comments")


@bp.post("")
@signed_in
def comment(key: str) -> Response:
    """Say something; with `then=resolve` or another step, take it in the same transaction."""
    body, then = request.form.get("body", ""), request.form.get("then")
    issue = allowed(key, Right.comment)
    try:
        written = write_text(body, issue.project, field="body")
        begin_write()
        issue = issue_for_change(viewer(), key, Right.comment)
        said = add_comment(issue, written, author=user(), actor=viewer().actor)
        if then:
            require(viewer(), Right.triage, issue.project)
            change_status(issue, then, actor=viewer().actor)
        mark_read(user().id, [issue.id])
        db.session.commit()
    except (Forbidden, NotFound):
        raise
    except DomainError as error:
        return _composer_again(key, body, error)
    return seen(issue, said.event_seq)


@bp.get("/<int:comment_id>/edit")
@signed_in
def edit(key: str, comment_id: int) -> Response:
    """The form for rewriting a comment."""
    issue = allowed(key, Right.comment)
    found = comment_of(issue, comment_id)
    require_author(issue, found.author_id, Right.moderate)
    return _form(issue, found, found.body, None)


@bp.post("/<int:comment_id>")
@signed_in
def save(key: str, comment_id: int) -> Response:
    """Rewrite a comment; refused when it was rewritten meanwhile."""
    issue = allowed(key, Right.comment)
    body = request.form.get("body", "")
    require_author(issue, comment_of(issue, comment_id).author_id, Right.moderate)
    try:
        written = write_text(body, issue.project, field="body")
        begin_write()
        issue = issue_for_change(viewer(), key, Right.comment)
        found = comment_of(issue, comment_id)
        edit_comment(issue, found, written, version=sent_version(found.version), actor=viewer().actor)
        db.session.commit()
    except (Forbidden, NotFound):
        raise
    except DomainError as error:
        db.session.rollback()
        issue = allowed(key, Right.comment)
        return _form(issue, comment_of(issue, comment_id), body, error)
    return seen(issue, found.event_seq, whole=True)


@bp.post("/<int:comment_id>/removal")
@signed_in
def remove(key: str, comment_id: int) -> Response:
    """Take a comment back; a tombstone stays, and its text is kept as a version."""
    begin_write()
    issue = issue_for_change(viewer(), key, Right.comment)
    found = comment_of(issue, comment_id)
    require_author(issue, found.author_id, Right.moderate)
    delete_comment(issue, found, author=person_ref(found.author_id), actor=viewer().actor)
    db.session.commit()
    return seen(issue, found.event_seq, whole=True)


def _form(issue: Issue, comment: Comment, body: str, error: DomainError | None) -> Response:
    return render(
        "issues/edit_comment.html",
        fragment="form",
        status=error.status if error else 200,
        place=issue.project,
        issue=issue,
        comment=comment,
        body=body,
        error=error,
    )


def _composer_again(key: str, body: str, error: DomainError) -> Response:
    """The form with what was typed, why it was not taken, and the steps that are possible now."""
    db.session.rollback()
    issue = allowed(key, Right.see)
    granted = rights(viewer(), issue.project)
    return render(
        "issues/comment.html",
        fragment="composer",
        retarget="#composer",
        status=error.status,
        place=issue.project,
        issue=issue,
        body=body,
        error=error,
        granted=granted,
        steps=allowed_steps(issue) if Right.triage in granted else [],
    )
