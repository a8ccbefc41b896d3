"""What happens between Tidings and the places outside that a project is connected with: GitHub, Slack."""

from typing import ClassVar, Literal

from pydantic import Field

from app.events.action import Action, Family, Subject, Text
from app.events.parts import Part, change, strong, text, this

Provider = Literal["github", "slack"]
NAMES: dict[str, str] = {"github": "GitHub", "slack": "Slack"}
Side = Literal["ours", "theirs"]


class _OnIssue(Action):
    subject: ClassVar[Subject] = Subject.issue
    family: ClassVar[Family] = Family.external
    icon: ClassVar[str] = "sync"

    provider: Provider
    external_id: str
    """owner/name#12; owner/name while it has no number yet."""
    url: str | None = None


class ExternalLinkAsked(_OnIssue):
    """Somebody wants the issue to be kept the same with one elsewhere, which is made if there is none."""

    name: ClassVar[str] = "external_link_asked"

    def line(self, by: int | None) -> list[Part]:
        return [text("asked to keep "), this(), text(" on "), Part("now", self.external_id)]


class ExternalLinked(_OnIssue):
    """The issue and one elsewhere are the same from now on."""

    name: ClassVar[str] = "external_linked"

    external_actor: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        opened = [text(", opened by "), strong(self.external_actor)] if self.external_actor else []
        return [text("linked "), this(), text(" with "), _there(self), *opened]


class ExternalUnlinked(_OnIssue):
    """The issue and the one elsewhere go their own ways."""

    name: ClassVar[str] = "external_unlinked"

    why: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        return [
            text("unlinked "),
            this(),
            text(f" from {self.external_id}{': ' + self.why if self.why else ''}"),
        ]


class ExternalChanged(_OnIssue):
    """Somebody changed the issue elsewhere; the events that follow from it say what was changed here."""

    name: ClassVar[str] = "external_changed"

    fields: tuple[str, ...] = Field(min_length=1)
    external_actor: Text | None = None
    external_at: str | None = None

    def line(self, by: int | None) -> list[Part]:
        who = [strong(self.external_actor)] if self.external_actor else [text("somebody")]
        return [text("heard that "), *who, text(f" changed the {_listed(self.fields)} of "), _there(self)]


class SyncConflicted(_OnIssue):
    """Both sides changed the same thing since they last agreed; one of the two was kept."""

    name: ClassVar[str] = "sync_conflicted"
    icon: ClassVar[str] = "warn"
    small: ClassVar[bool] = False

    field: str
    ours: Text
    theirs: Text
    kept: Side

    def line(self, by: int | None) -> list[Part]:
        kept, lost = (self.ours, self.theirs) if self.kept == "ours" else (self.theirs, self.ours)
        where = "Tidings" if self.kept == "ours" else NAMES[self.provider]
        return [
            text(f"found the {self.field} of "),
            this(),
            text(f" changed on both sides and kept the one of {where}: "),
            *change(lost, kept),
        ]


class _OnProject(Action):
    subject: ClassVar[Subject] = Subject.project
    family: ClassVar[Family] = Family.external
    icon: ClassVar[str] = "sync"

    provider: Provider
    scope: str
    """Which place there: owner/name at GitHub, what the lead called the channel at Slack. Never a secret."""

    def glyph(self) -> str:
        return "slack" if self.provider == "slack" else self.icon


class IntegrationConnected(_OnProject):
    """The project was connected with a place outside."""

    name: ClassVar[str] = "integration_connected"

    def line(self, by: int | None) -> list[Part]:
        return [text("connected the project with "), strong(_place(self))]


class IntegrationChanged(_OnProject):
    """What is exchanged with a place outside was changed."""

    name: ClassVar[str] = "integration_changed"

    changed: tuple[str, ...] = Field(min_length=1)

    def line(self, by: int | None) -> list[Part]:
        return [text(f"changed the {_listed(self.changed)} of the connection with "), strong(_place(self))]


class IntegrationDisconnected(_OnProject):
    """The connection with a place outside was ended."""

    name: ClassVar[str] = "integration_disconnected"

    def line(self, by: int | None) -> list[Part]:
        return [text("disconnected the project from "), strong(_place(self))]


class IntegrationPaused(_OnProject):
    """Nothing is exchanged for now: by hand, or because the other side refused us."""

    name: ClassVar[str] = "integration_paused"
    icon: ClassVar[str] = "warn"
    small: ClassVar[bool] = False

    why: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        said = f": {self.why}" if self.why else ""
        return [text("paused the connection with "), strong(_place(self)), text(said)]


class IntegrationResumed(_OnProject):
    """The exchange goes on, with what waited meanwhile."""

    name: ClassVar[str] = "integration_resumed"

    def line(self, by: int | None) -> list[Part]:
        return [text("took up the connection with "), strong(_place(self)), text(" again")]


def _there(action: _OnIssue) -> Part:
    return (
        Part("link", action.external_id, href=action.url) if action.url else Part("now", action.external_id)
    )


def _place(action: _OnProject) -> str:
    return f"{NAMES[action.provider]} {action.scope}".strip()


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


EXTERNAL_ACTIONS: tuple[type[Action], ...] = (
    ExternalLinkAsked,
    ExternalLinked,
    ExternalUnlinked,
    ExternalChanged,
    SyncConflicted,
    IntegrationConnected,
    IntegrationChanged,
    IntegrationDisconnected,
    IntegrationPaused,
    IntegrationResumed,
)
