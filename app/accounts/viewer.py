"""Who is looking: what every question about rights starts from."""

from dataclasses import dataclass

from app.accounts.session import Known
from app.accounts.token import ApiToken
from app.accounts.user import User
from app.events.event import Actor


@dataclass(frozen=True, slots=True)
class Viewer:
    """The reader of a page, feed, stream, mail or answer. Without `user_id`: a visitor."""

    user_id: int | None = None
    username: str = ""
    name: str = ""
    is_admin: bool = False
    """May administer: the person is an administrator and, for a token, the token has the scope `admin`."""
    can_write: bool = False
    """False for visitors and for tokens that only read."""
    zone: str = "UTC"
    token_id: int | None = None
    session_id: int | None = None

    @property
    def signed_in(self) -> bool:
        return self.user_id is not None

    @property
    def actor(self) -> Actor:
        """Whom the events name. A token's acts carry its owner and the token."""
        if self.user_id is None:
            raise ValueError("A visitor does not act")
        if self.token_id is not None:
            return Actor("token", self.user_id, ref=str(self.token_id))
        return Actor("user", self.user_id)


VISITOR = Viewer()


def viewer_of(user: User | Known, *, session_id: int | None = None) -> Viewer:
    """The person as a reader: in the browser, or as the one a mail is for."""
    return Viewer(
        user_id=user.id,
        username=user.username,
        name=user.name,
        is_admin=user.is_admin,
        can_write=True,
        zone=user.zone,
        session_id=session_id,
    )


def viewer_of_token(token: ApiToken, owner: User) -> Viewer:
    """A program as a reader: its owner, narrowed by the token's scope."""
    return Viewer(
        user_id=owner.id,
        username=owner.username,
        name=owner.name,
        is_admin=owner.is_admin and token.scope == "admin",
        can_write=token.scope in ("write", "admin"),
        zone=owner.zone,
        token_id=token.id,
    )
