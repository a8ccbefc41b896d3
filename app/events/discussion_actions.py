"""What people say on an issue, and who watches or reads it."""

from typing import ClassVar, Literal

from app.events.action import Family, PersonRef, Text
from app.events.content_actions import IssueAction
from app.events.parts import Part, quote, text, this


class Commented(IssueAction):
    """Somebody wrote a comment. Its text stands in `comments`, here are its version, its hash and its first words."""

    name: ClassVar[str] = "commented"
    family: ClassVar[Family] = Family.discussion
    icon: ClassVar[str] = "chat"
    small: ClassVar[bool] = False

    comment_id: int
    version: int = 1
    sha256: str
    excerpt: Text
    mentions: tuple[PersonRef, ...] = ()

    def line(self, by: int | None) -> list[Part]:
        return [text("commented"), this("on"), *quote(self.excerpt)]


class CommentEdited(IssueAction):
    """A comment was rewritten; both versions are kept."""

    name: ClassVar[str] = "comment_edited"
    family: ClassVar[Family] = Family.discussion
    icon: ClassVar[str] = "pencil"

    comment_id: int
    from_version: int
    to_version: int
    sha256: str
    excerpt: Text

    def line(self, by: int | None) -> list[Part]:
        return [text("edited a comment"), this("on")]


class CommentDeleted(IssueAction):
    """A comment was taken back; a tombstone stays."""

    name: ClassVar[str] = "comment_deleted"
    family: ClassVar[Family] = Family.discussion
    icon: ClassVar[str] = "x"

    comment_id: int
    author: PersonRef | None = None

    def line(self, by: int | None) -> list[Part]:
        return [text("removed a comment"), this("from")]


class _Watching(IssueAction):
    family: ClassVar[Family] = Family.attention
    icon: ClassVar[str] = "bell"
    shown: ClassVar[bool] = False

    user: PersonRef
    reason: Literal["manual", "mentioned", "assigned", "commented", "reported"] = "manual"


class Watched(_Watching):
    """Somebody began to watch the issue by hand."""

    name: ClassVar[str] = "watched"

    def line(self, by: int | None) -> list[Part]:
        return [text("began to watch "), this()]


class Unwatched(_Watching):
    """Somebody stopped watching the issue."""

    name: ClassVar[str] = "unwatched"

    def line(self, by: int | None) -> list[Part]:
        return [text("stopped watching "), this()]


class Viewed(IssueAction):
    """Somebody read the issue; at most one of these in five minutes per person."""

    name: ClassVar[str] = "viewed"
    family: ClassVar[Family] = Family.attention
    icon: ClassVar[str] = "eye"
    shown: ClassVar[bool] = False

    def line(self, by: int | None) -> list[Part]:
        return [text("looked at "), this()]
