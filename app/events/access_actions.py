"""How people and programs get in: passwords, sessions, tokens."""

from typing import ClassVar, Literal

from app.events.account_actions import PersonAction
from app.events.action import Family, Text
from app.events.parts import Part, strong, text


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
