"""What can happen to an issue. Each family of actions has a file of its own; all are found here."""

from app.events.action import Action
from app.events.content_actions import (
    Created,
    DescriptionChanged,
    IssueAction,
    Priority,
    Status,
    TitleChanged,
)
from app.events.deletion_actions import (
    Deleted,
    Restored,
    Snapshot,
)
from app.events.discussion_actions import (
    CommentDeleted,
    Commented,
    CommentEdited,
    Unwatched,
    Viewed,
    Watched,
)
from app.events.status_actions import (
    Closed,
    Reopened,
    StatusChanged,
    TriggeredBy,
)
from app.events.triage_actions import (
    PRIORITIES,
    Assigned,
    Labeled,
    PriorityChanged,
    Unassigned,
    Unlabeled,
)

ISSUE_ACTIONS: tuple[type[Action], ...] = (
    Created,
    TitleChanged,
    DescriptionChanged,
    StatusChanged,
    Closed,
    Reopened,
    Assigned,
    Unassigned,
    PriorityChanged,
    Labeled,
    Unlabeled,
    Commented,
    CommentEdited,
    CommentDeleted,
    Watched,
    Unwatched,
    Viewed,
    Deleted,
    Restored,
)

__all__ = [
    "Assigned",
    "Closed",
    "CommentDeleted",
    "CommentEdited",
    "Commented",
    "Created",
    "Deleted",
    "DescriptionChanged",
    "ISSUE_ACTIONS",
    "IssueAction",
    "Labeled",
    "PRIORITIES",
    "Priority",
    "PriorityChanged",
    "Reopened",
    "Restored",
    "Snapshot",
    "Status",
    "StatusChanged",
    "TitleChanged",
    "TriggeredBy",
    "Unassigned",
    "Unlabeled",
    "Unwatched",
    "Viewed",
    "Watched",
]
