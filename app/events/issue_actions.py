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
from app.events.discussion_actions import (
    CommentDeleted,
    Commented,
    CommentEdited,
    Unwatched,
    Viewed,
    Watched,
)
from app.events.planning_actions import (
    PRIORITIES,
    Assigned,
    Labeled,
    PriorityChanged,
    Unassigned,
    Unlabeled,
)
from app.events.status_actions import (
    Closed,
    Reopened,
    StatusChanged,
    TriggeredBy,
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
)

__all__ = [
    "Assigned",
    "Closed",
    "CommentDeleted",
    "CommentEdited",
    "Commented",
    "Created",
    "DescriptionChanged",
    "ISSUE_ACTIONS",
    "IssueAction",
    "Labeled",
    "PRIORITIES",
    "Priority",
    "PriorityChanged",
    "Reopened",
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
