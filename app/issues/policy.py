"""Who may do what with an issue, where it depends on more than the standing in the project."""

from app.accounts.viewer import Viewer
from app.errors import Forbidden
from app.issues.comment import Comment
from app.projects.policy import Right
from app.projects.project import Project


def require_may_change_comment(viewer: Viewer, comment: Comment, granted: frozenset[Right]) -> None:
    """One's own words while one may comment; what others wrote, as a moderator. Raises Forbidden."""
    own = comment.author_id is not None and comment.author_id == viewer.user_id
    if Right.moderate not in granted and not (own and Right.comment in granted):
        raise Forbidden("Only its author and the project's leads may change a comment")


def require_may_sort(project: Project, granted: frozenset[Right]) -> None:
    """Who may report may not yet label, assign or prioritise what they report. Raises Forbidden."""
    if Right.triage not in granted:
        raise Forbidden(f"You may report issues in {project.name}; its members sort them")
