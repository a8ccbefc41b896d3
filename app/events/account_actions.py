"""What can happen to a person's account: made, claimed, renamed, closed, erased; their standing and their settings."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from app.events.action import Action, Family, PersonRef, Subject, Text
from app.events.parts import Part, change, person, text


class PersonAction(Action):
    subject: ClassVar[Subject] = Subject.user
    family: ClassVar[Family] = Family.admin
    icon: ClassVar[str] = "user"
    shown: ClassVar[bool] = False


class UserCreated(PersonAction):
    """An account was made: by set-up, by an administrator, by a command or by an import."""

    name: ClassVar[str] = "user_created"

    user: PersonRef
    via: Literal["setup", "admin", "cli", "import", "demo"]
    admin: bool = False

    def line(self, by: int | None) -> list[Part]:
        return [text("made the account of "), person(self.user.name, self.user.username)]


class UserClaimed(PersonAction):
    """Somebody brought in by an import got an address and a password, and can sign in from now on."""

    name: ClassVar[str] = "user_claimed"

    user: PersonRef

    def line(self, by: int | None) -> list[Part]:
        return [
            text("gave the account of "),
            person(self.user.name, self.user.username),
            text(" to its person"),
        ]


class UserRenamed(PersonAction):
    """A person changed their name."""

    name: ClassVar[str] = "user_renamed"

    from_: Text = Field(alias="from")
    to: Text

    def line(self, by: int | None) -> list[Part]:
        return [text("changed their name "), *change(self.from_, self.to)]


class UserDeactivated(PersonAction):
    """An account was closed: its sessions and tokens ended with it."""

    name: ClassVar[str] = "user_deactivated"

    user: PersonRef

    def line(self, by: int | None) -> list[Part]:
        return [text("deactivated "), person(self.user.name, self.user.username)]


class UserReactivated(PersonAction):
    """A closed account was opened again."""

    name: ClassVar[str] = "user_reactivated"

    user: PersonRef

    def line(self, by: int | None) -> list[Part]:
        return [text("reactivated "), person(self.user.name, self.user.username)]


class UserErased(PersonAction):
    """Everything that says who the person was is gone; what happened stays, as a former member's."""

    name: ClassVar[str] = "user_erased"

    def line(self, by: int | None) -> list[Part]:
        return [text("erased the personal data of a former member")]


class AdminChanged(PersonAction):
    """A person became an administrator, or is one no longer."""

    name: ClassVar[str] = "role_changed"

    user: PersonRef
    admin: bool

    def line(self, by: int | None) -> list[Part]:
        who = person(self.user.name, self.user.username)
        return [text("made "), who, text(" an administrator" if self.admin else " an ordinary person")]


class PreferenceChanged(PersonAction):
    """A person changed a setting of their own."""

    name: ClassVar[str] = "preference_changed"
    icon: ClassVar[str] = "gear"

    key: str
    from_: Any = Field(default=None, alias="from")
    to: Any = None

    def line(self, by: int | None) -> list[Part]:
        return [text(f"changed {self.key} "), *change(str(self.from_), str(self.to))]
