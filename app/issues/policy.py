"""Who may do what with an issue, where it depends on more than the standing in the project."""

from app.accounts.viewer import Viewer
from app.errors import Forbidden
from app.issues.comment import Comment
from app.issues.issue import Issue
from app.projects.policy import Right
from app.projects.project import Project


def require_may_change_comment(viewer: Viewer, comment: Comment, granted: frozenset[Right]) -> None:
    """One's own words while one may comment; what others wrote, as a moderator. Raises Forbidden."""
    own = comment.author_id is not None and comment.author_id == viewer.user_id
    if Right.comment not in granted or not (own or Right.moderate in granted):
        raise Forbidden("Only its author and the project's leads may change a comment")


def require_may_rewrite(viewer: Viewer, issue: Issue, granted: frozenset[Right]) -> None:
    """Title and description: of one's own issue, or of any with the daily work. Raises Forbidden."""
    own = issue.reporter_id is not None and issue.reporter_id == viewer.user_id
    if Right.triage not in granted and not (own and Right.report in granted):
        raise Forbidden("Only its reporter and the project's members may rewrite an issue")


def require_may_sort(project: Project, granted: frozenset[Right]) -> None:
    """Who may report may not yet label, assign or prioritise what they report. Raises Forbidden."""
    if Right.triage not in granted:
        raise Forbidden(f"You may report issues in {project.name}; its members sort them")
