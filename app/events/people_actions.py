"""What can happen to a person's account, and what an administrator does to the installation.

The acts of administration are recorded on the administrator: every event has a subject with a sequence and a chain.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field

from app.events.action import Action, Family, PersonRef, Subject, Text
from app.events.parts import Part, change, person, strong, text


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


class PasswordChanged(PersonAction):
    """A password was set; every other session ended."""

    name: ClassVar[str] = "password_changed"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    def line(self, by: int | None) -> list[Part]:
        return [text("changed the password")]


class SignedIn(PersonAction):
    """Somebody signed in."""

    name: ClassVar[str] = "signed_in"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    method: Literal["password", "setup"] = "password"

    def line(self, by: int | None) -> list[Part]:
        return [text("signed in")]


class SignInFailed(PersonAction):
    """Somebody tried to sign in to this account with a wrong password; at most one of these a minute."""

    name: ClassVar[str] = "sign_in_failed"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    reason: Literal["password", "inactive", "unclaimed"] = "password"

    def line(self, by: int | None) -> list[Part]:
        return [text("failed to sign in")]


class SignedOut(PersonAction):
    """Somebody signed out."""

    name: ClassVar[str] = "signed_out"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    def line(self, by: int | None) -> list[Part]:
        return [text("signed out")]


class SessionRevoked(PersonAction):
    """Sessions were ended from the list of sessions."""

    name: ClassVar[str] = "session_revoked"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    sessions: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"ended {self.sessions} sessions" if self.sessions != 1 else "ended a session")]


class TokenCreated(PersonAction):
    """An API token was made. The token itself is never kept."""

    name: ClassVar[str] = "token_created"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    token_id: int
    title: Text
    scope: Literal["read", "write", "admin"]

    def line(self, by: int | None) -> list[Part]:
        return [text("made the token "), strong(self.title), text(f" ({self.scope})")]


class TokenRevoked(PersonAction):
    """An API token was ended."""

    name: ClassVar[str] = "token_revoked"
    family: ClassVar[Family] = Family.security
    icon: ClassVar[str] = "lock"

    token_id: int
    title: Text

    def line(self, by: int | None) -> list[Part]:
        return [text("ended the token "), strong(self.title)]


class PreferenceChanged(PersonAction):
    """A person changed a setting of their own."""

    name: ClassVar[str] = "preference_changed"
    icon: ClassVar[str] = "gear"

    key: str
    from_: Any = Field(default=None, alias="from")
    to: Any = None

    def line(self, by: int | None) -> list[Part]:
        return [text(f"changed {self.key} "), *change(str(self.from_), str(self.to))]


class InboxEnabled(PersonAction):
    """An administrator switched an inbox on."""

    name: ClassVar[str] = "inbox_enabled"
    icon: ClassVar[str] = "bolt"

    inbox: str

    def line(self, by: int | None) -> list[Part]:
        return [text("switched on the inbox "), strong(self.inbox)]


class InboxDisabled(PersonAction):
    """An administrator switched an inbox off; what it would have handled is kept as skipped."""

    name: ClassVar[str] = "inbox_disabled"
    icon: ClassVar[str] = "bolt"

    inbox: str

    def line(self, by: int | None) -> list[Part]:
        return [text("switched off the inbox "), strong(self.inbox)]


class DeliveriesRetried(PersonAction):
    """An administrator sent failed deliveries again."""

    name: ClassVar[str] = "delivery_retried"
    icon: ClassVar[str] = "bolt"

    inbox: str
    deliveries: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"sent {self.deliveries} deliveries of "), strong(self.inbox), text(" again")]


class DeliveriesDiscarded(PersonAction):
    """An administrator gave failed deliveries up."""

    name: ClassVar[str] = "dead_letter_purged"
    icon: ClassVar[str] = "bolt"

    inbox: str
    deliveries: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"gave up {self.deliveries} deliveries of "), strong(self.inbox)]


class DeliveriesHeld(PersonAction):
    """An administrator stopped deliveries: they wait until they are sent again or given up."""

    name: ClassVar[str] = "delivery_held"
    icon: ClassVar[str] = "bolt"

    inbox: str
    deliveries: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"held back {self.deliveries} deliveries of "), strong(self.inbox)]


class InboxReplayed(PersonAction):
    """An administrator offered past events to one inbox again."""

    name: ClassVar[str] = "inbox_replayed"
    icon: ClassVar[str] = "replay"

    inbox: str
    events: int
    since: str
    until: str
    project: str | None = None
    forced: bool = False
    imported: bool = False

    def line(self, by: int | None) -> list[Part]:
        where = f" of {self.project}" if self.project else ""
        return [text(f"offered {self.events} events{where} again to the inbox "), strong(self.inbox)]


PEOPLE_ACTIONS: tuple[type[Action], ...] = (
    UserCreated,
    UserClaimed,
    UserRenamed,
    UserDeactivated,
    UserReactivated,
    UserErased,
    AdminChanged,
    PasswordChanged,
    SignedIn,
    SignInFailed,
    SignedOut,
    SessionRevoked,
    TokenCreated,
    TokenRevoked,
    PreferenceChanged,
    InboxEnabled,
    InboxDisabled,
    DeliveriesRetried,
    DeliveriesDiscarded,
    DeliveriesHeld,
    InboxReplayed,
)
