"""What can happen to a project."""

from typing import ClassVar, Literal

from pydantic import Field

from app.events.action import Action, Family, LabelRef, PersonRef, Subject, Text
from app.events.parts import Part, change, label, person, strong, text
from app.events.webhook_actions import WEBHOOK_ACTIONS

Visibility = Literal["public", "members"]
RoleName = Literal["lead", "member", "viewer"]


class ProjectAction(Action):
    subject: ClassVar[Subject] = Subject.project
    family: ClassVar[Family] = Family.project
    icon: ClassVar[str] = "folder"


class ProjectCreated(ProjectAction):
    """The project was set up."""

    name: ClassVar[str] = "created"

    key: str
    title: Text
    visibility: Visibility

    def line(self, by: int | None) -> list[Part]:
        return [text("created the project "), strong(self.title)]


class ProjectRenamed(ProjectAction):
    """The project got another name."""

    name: ClassVar[str] = "renamed"

    from_: Text = Field(alias="from")
    to: Text

    def line(self, by: int | None) -> list[Part]:
        return [text("renamed the project from "), *change(f"“{self.from_}”", f"“{self.to}”")]


class ProjectDescribed(ProjectAction):
    """The description of the project was changed."""

    name: ClassVar[str] = "described"

    excerpt: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        return [text("changed the description of the project")]


class VisibilityChanged(ProjectAction):
    """Who may see the project was changed."""

    name: ClassVar[str] = "visibility_changed"

    from_: Visibility = Field(alias="from")
    to: Visibility

    def line(self, by: int | None) -> list[Part]:
        words = {"public": "Public", "members": "Members only"}
        return [text("changed who may see the project "), *change(words[self.from_], words[self.to])]


class ProjectArchived(ProjectAction):
    """The project was put away: everything stays readable, nothing can be changed."""

    name: ClassVar[str] = "archived"

    def line(self, by: int | None) -> list[Part]:
        return [text("archived the project")]


class ProjectUnarchived(ProjectAction):
    """The project was taken up again."""

    name: ClassVar[str] = "unarchived"

    def line(self, by: int | None) -> list[Part]:
        return [text("brought the project back")]


class MemberAdded(ProjectAction):
    """Somebody joined the project."""

    name: ClassVar[str] = "member_added"
    family: ClassVar[Family] = Family.people
    icon: ClassVar[str] = "user"

    user: PersonRef
    role: RoleName

    def line(self, by: int | None) -> list[Part]:
        return [text("added "), person(self.user.name, self.user.username), text(f" as {self.role}")]


class MemberRemoved(ProjectAction):
    """Somebody left the project or was removed from it."""

    name: ClassVar[str] = "member_removed"
    family: ClassVar[Family] = Family.people
    icon: ClassVar[str] = "user"

    user: PersonRef
    role: RoleName

    def line(self, by: int | None) -> list[Part]:
        return [text("removed "), person(self.user.name, self.user.username), text(" from the project")]


class MemberRoleChanged(ProjectAction):
    """A member's role was changed."""

    name: ClassVar[str] = "member_role_changed"
    family: ClassVar[Family] = Family.people
    icon: ClassVar[str] = "user"

    user: PersonRef
    from_: RoleName = Field(alias="from")
    to: RoleName

    def line(self, by: int | None) -> list[Part]:
        who = person(self.user.name, self.user.username)
        return [
            text("changed the role of "),
            who,
            text(" "),
            *change(self.from_.capitalize(), self.to.capitalize()),
        ]


class LabelCreated(ProjectAction):
    """The project got a new label."""

    name: ClassVar[str] = "label_created"
    icon: ClassVar[str] = "tag"

    label: LabelRef

    def line(self, by: int | None) -> list[Part]:
        return [text("made the label "), label(self.label.name, self.label.color)]


class ImportCompleted(ProjectAction):
    """Issues with their history were brought in from elsewhere."""

    name: ClassVar[str] = "import_completed"
    icon: ClassVar[str] = "sync"

    source: str
    issues: int
    comments: int
    events: int
    people: int
    skipped: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"imported {self.issues:,} issues and {self.comments:,} comments from a {self.source}")]


PROJECT_ACTIONS: tuple[type[Action], ...] = (
    ProjectCreated,
    ProjectRenamed,
    ProjectDescribed,
    VisibilityChanged,
    ProjectArchived,
    ProjectUnarchived,
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    LabelCreated,
    ImportCompleted,
    *WEBHOOK_ACTIONS,
)
