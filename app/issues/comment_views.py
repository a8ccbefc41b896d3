"""Comments: said, rewritten, taken back."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, user, viewer
from app.db import begin_write, db
from app.errors import DomainError, Forbidden, NotFound
from app.issues.comment import Comment, add_comment, delete_comment, edit_comment
from app.issues.comment_queries import comment_of
from app.issues.forms import CommentForm
from app.issues.issue import Issue
from app.issues.policy import require_may_change_comment
from app.issues.queries import issue_for_change, person_ref
from app.issues.rendering import write_text
from app.issues.verbs import about, allowed, can_resolve, seen, sent_version
from app.issues.workflow import change_status
from app.notifications.notification import mark_read
from app.projects.policy import Right, require, rights
from app.web.render import render, wants_fragment

bp = Blueprint("comments", __name__, url_prefix="/issues/<key>/comments")


@bp.post("")
@signed_in
def comment(key: str) -> Response:
    """Say something; with `then=resolve` or another step, take it in the same transaction."""
    body, then = request.form.get("body", ""), request.form.get("then")
    issue = allowed(key, Right.comment)
    try:
        written = write_text(body, issue.project, field="body", required=True)
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
        if wants_fragment():
            raise
        return _composer_again(key, body, error)
    return seen(issue, said.event_seq)


@bp.get("/<int:comment_id>/edit")
@signed_in
def edit(key: str, comment_id: int) -> Response:
    """The form for rewriting a comment."""
    issue = allowed(key, Right.comment)
    found = comment_of(issue, comment_id)
    require_may_change_comment(viewer(), found, rights(viewer(), issue.project))
    return _form(issue, found, CommentForm(obj=found))


@bp.post("/<int:comment_id>")
@signed_in
def save(key: str, comment_id: int) -> Response:
    """Rewrite a comment; refused when it was rewritten meanwhile."""
    issue = allowed(key, Right.comment)
    form = CommentForm()
    require_may_change_comment(viewer(), comment_of(issue, comment_id), rights(viewer(), issue.project))
    try:
        written = write_text(form.body.data, issue.project, field="body", required=True)
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
        form.refuse(error)
        return _form(issue, comment_of(issue, comment_id), form, error.status)
    return seen(issue, found.event_seq, whole=True)


@bp.post("/<int:comment_id>/removal")
@signed_in
def remove(key: str, comment_id: int) -> Response:
    """Take a comment back; a tombstone stays, and its text is kept as a version."""
    begin_write()
    issue = issue_for_change(viewer(), key, Right.comment)
    found = comment_of(issue, comment_id)
    require_may_change_comment(viewer(), found, rights(viewer(), issue.project))
    delete_comment(issue, found, author=person_ref(found.author_id), actor=viewer().actor)
    db.session.commit()
    return seen(issue, found.event_seq, whole=True)


def _form(issue: Issue, comment: Comment, form: CommentForm, status: int = 200) -> Response:
    return render(
        "issues/edit_comment.html",
        status=status,
        place=issue.project,
        comment=comment,
        form=form,
        **about(issue),
    )


def _composer_again(key: str, body: str, error: DomainError) -> Response:
    """The form with what was typed, and why it was not taken."""
    db.session.rollback()
    issue = allowed(key, Right.see)
    return render(
        "issues/comment.html",
        status=error.status,
        place=issue.project,
        body=body,
        error=error.message,
        can_resolve=can_resolve(issue),
        **about(issue),
    )
