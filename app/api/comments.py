"""Comments: read, written, rewritten, taken back."""

from flask import Response
from pydantic import Field

from app.api.blueprint import blueprint, tag
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.issues import TEXT_MAX, url_of
from app.api.parameters import BIGGEST_ID, Address, Body, IssueAddress, Listing
from app.api.shapes import Comments, CommentShape
from app.issues.comment import Comment, add_comment, delete_comment, edit_comment
from app.issues.comment_queries import comment_of, comments_page
from app.issues.issue import Issue
from app.issues.policy import require_may_change_comment
from app.issues.queries import issue_for_change, person_ref, visible_issue
from app.issues.rendering import write_text
from app.projects.policy import Right, rights
from app.web.paging import encode_cursor

TAGS = tag("Comments", "What people say on an issue.")


class CommentAddress(Address):
    """A comment."""

    key: str = Field(max_length=40, description="The key of the issue, like TLS-42.")
    comment_id: int = Field(ge=1, le=BIGGEST_ID)


class NewComment(Body):
    """What is said."""

    body: str = Field(max_length=TEXT_MAX, description="Markdown, at most 64 KiB.")


class CommentChange(NewComment):
    """What is said now."""

    version: int | None = Field(
        default=None, description="The version that was read: 409 when it has been rewritten since."
    )


@blueprint.get("/issues/<key>/comments", tags=TAGS, summary="Comments", responses={200: Comments})
def comments(path: IssueAddress, query: Listing) -> Response:
    """The oldest first. A comment that was removed keeps its place, without its text."""
    issue = visible_issue(viewer(), path.key)
    place = query.place(int)
    rows = comments_page(issue, after=place[0] if place else 0, limit=query.limit + 1)
    shown = rows[: query.limit]
    more = encode_cursor(shown[-1][0].event_seq) if len(rows) > query.limit else None
    items = [comment_shape(issue, comment, author) for comment, author in shown]
    return answer(Comments(items=items, next_cursor=more))


@blueprint.post("/issues/<key>/comments", tags=TAGS, summary="Comment", responses={201: CommentShape})
def add_a_comment(path: IssueAddress, body: NewComment) -> Response:
    """You and the people you mention watch the issue from then on."""
    written = write_text(body.body, visible_issue(viewer(), path.key).project, field="body", required=True)
    begin()
    issue = issue_for_change(viewer(), path.key, Right.comment)
    comment = add_comment(issue, written, author=caller().owner, actor=viewer().actor)
    return done(201, comment_shape(issue, comment, caller().owner.username))


@blueprint.patch(
    "/issues/<key>/comments/<int:comment_id>",
    tags=TAGS,
    summary="Rewrite a comment",
    responses={200: CommentShape},
)
def change_a_comment(path: CommentAddress, body: CommentChange) -> Response:
    """Your own, or anybody's as a lead. Earlier versions are kept."""
    written = write_text(body.body, visible_issue(viewer(), path.key).project, field="body", required=True)
    begin()
    issue, comment = _for_change(path)
    version = comment.version if body.version is None else body.version
    edit_comment(issue, comment, written, version=version, actor=viewer().actor)
    author = person_ref(comment.author_id)
    return done(200, comment_shape(issue, comment, author.username if author else None))


@blueprint.delete(
    "/issues/<key>/comments/<int:comment_id>",
    tags=TAGS,
    summary="Take a comment back",
    responses={204: None},
)
def remove_a_comment(path: CommentAddress) -> Response:
    """Your own, or anybody's as a lead. Its place stays, without its text."""
    begin()
    issue, comment = _for_change(path)
    delete_comment(issue, comment, author=person_ref(comment.author_id), actor=viewer().actor)
    return done(204)


def comment_shape(issue: Issue, comment: Comment, author: str | None) -> CommentShape:
    """A comment as the API shows it."""
    return CommentShape(
        id=comment.id,
        issue=issue.key,
        author=author,
        body=comment.body,
        version=comment.version,
        event_seq=comment.event_seq,
        created_at=comment.created_at,
        edited_at=comment.edited_at,
        deleted_at=comment.deleted_at,
        url=f"{url_of(issue.key)}#event-{comment.event_seq}",
    )


def _for_change(path: CommentAddress) -> tuple[Issue, Comment]:
    issue = issue_for_change(viewer(), path.key, Right.see)
    comment = comment_of(issue, path.comment_id)
    require_may_change_comment(viewer(), comment, rights(viewer(), issue.project))
    return issue, comment
