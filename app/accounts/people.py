"""The verbs on a person's account."""

from sqlalchemy import update

from app import clock
from app.accounts.identity import require_free_email, require_free_username
from app.accounts.pace import PACE_WORDS, MailPace, clock_text
from app.accounts.queries import other_admins
from app.accounts.session import end_sessions
from app.accounts.token import ApiToken
from app.accounts.user import User
from app.db import after_commit, db
from app.errors import Conflict
from app.events.event import Actor
from app.events.people_actions import (
    AdminChanged,
    PasswordChanged,
    PreferenceChanged,
    SessionRevoked,
    UserClaimed,
    UserCreated,
    UserDeactivated,
    UserReactivated,
    UserRenamed,
)
from app.events.recording import record_event
from app.live.publish import kick


def create_person(
    *,
    username: str,
    email: str,
    name: str,
    password_hash: str,
    via: str,
    actor: Actor | None,
    admin: bool = False,
    zone: str = "UTC",
) -> User:
    """A new account of cleaned facts. Without `actor` the new person is the actor. Raises Invalid."""
    require_free_username(username)
    require_free_email(email)
    user = User(
        username=username,
        email=email,
        name=name,
        password_hash=password_hash,
        is_admin=admin,
        zone=zone,
        created_at=clock.now(),
    )
    db.session.add(user)
    db.session.flush()
    created = UserCreated(user=user.ref, via=via, admin=admin)
    record_event(user, created, actor=actor or user.actor)
    return user


def claim(user: User, *, email: str, password_hash: str, actor: Actor) -> None:
    """Give an imported person an address and a password. Raises Conflict when it is somebody's already."""
    if user.is_claimed:
        raise Conflict(f"The account of {user.name} is in use already")
    require_free_email(email, but=user)
    user.email, user.password_hash = email, password_hash
    record_event(user, UserClaimed(user=user.ref), actor=actor)


def rename_person(user: User, name: str, *, actor: Actor) -> None:
    """Give the person another name; the username stays, so that links keep working."""
    if name != user.name:
        before, user.name = user.name, name
        record_event(user, UserRenamed(from_=before, to=name), actor=actor)


def change_zone(user: User, zone: str, *, actor: Actor) -> None:
    """Show the person times of another zone."""
    if zone != user.zone:
        before, user.zone = user.zone, zone
        record_event(user, PreferenceChanged(key="time zone", from_=before, to=zone), actor=actor)


def change_mails(user: User, mails: bool, *, actor: Actor) -> None:
    """Mail the person about what they watch, or keep it in the product."""
    if mails != user.mails:
        words = {True: "on", False: "off"}
        before, user.mails = user.mails, mails
        record_event(user, PreferenceChanged(key="mails", from_=words[before], to=words[mails]), actor=actor)


def change_mail_pace(user: User, pace: MailPace, *, actor: Actor) -> None:
    """Mail the person at once, bundled, or once a day."""
    if pace != user.mail_pace:
        before, user.mail_pace = user.mail_pace, pace
        words = PreferenceChanged(key="pace of mails", from_=PACE_WORDS[before], to=PACE_WORDS[pace])
        record_event(user, words, actor=actor)


def change_quiet_hours(user: User, hours: tuple[int, int] | None, *, actor: Actor) -> None:
    """Mail the person nothing in these hours, minutes after midnight; None: at any time."""
    begin, end = hours or (None, None)
    if (begin, end) != (user.quiet_from, user.quiet_to):
        before = _hours(user.quiet_from, user.quiet_to)
        user.quiet_from, user.quiet_to = begin, end
        words = PreferenceChanged(key="quiet hours", from_=before, to=_hours(begin, end))
        record_event(user, words, actor=actor)


def _hours(begin: int | None, end: int | None) -> str:
    return "none" if begin is None else f"{clock_text(begin)} to {clock_text(end)}"


def change_password(user: User, password_hash: str, *, actor: Actor, keep: int | None = None) -> int:
    """Set another password and end every session but `keep`; returns how many ended."""
    ended = _end(user, but=keep)
    user.password_hash = password_hash
    record_event(user, PasswordChanged(), actor=actor)
    return ended


def revoke_sessions(user: User, *, actor: Actor, only: int | None = None, but: int | None = None) -> int:
    """End one session of the person, all, or all but one, and their live streams; returns how many ended."""
    ended = _end(user, only=only, but=but)
    if ended:
        record_event(user, SessionRevoked(sessions=ended), actor=actor)
    return ended


def deactivate(user: User, *, actor: Actor) -> None:
    """Close the account: its sessions, streams and tokens end. Raises Conflict for the last administrator."""
    if not user.is_active:
        return
    _keep_an_admin(user)
    end_sessions(user)
    tokens = update(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
    db.session.execute(tokens.values(revoked_at=clock.now()))
    drop_streams(user)
    user.is_active = False
    record_event(user, UserDeactivated(user=user.ref), actor=actor)


def reactivate(user: User, *, actor: Actor) -> None:
    """Open a closed account again; its sessions and tokens stay ended."""
    if not user.is_active:
        user.is_active = True
        record_event(user, UserReactivated(user=user.ref), actor=actor)


def make_admin(user: User, admin: bool, *, actor: Actor) -> None:
    """Make the person an administrator, or ordinary again. Raises Conflict for the last administrator."""
    if user.is_admin == admin:
        return
    if admin and not (user.is_active and user.is_claimed):
        raise Conflict(f"{user.name} cannot sign in, and so cannot administer")
    if not admin:
        _keep_an_admin(user)
        drop_streams(user)
    user.is_admin = admin
    record_event(user, AdminChanged(user=user.ref, admin=admin), actor=actor)


def _keep_an_admin(user: User) -> None:
    if user.is_admin and user.is_active and not other_admins(user):
        raise Conflict(f"{user.name} is the only administrator; make somebody else one first")


def _end(user: User, *, only: int | None = None, but: int | None = None) -> int:
    ended = end_sessions(user, only=only, but=but)
    if ended:
        drop_streams(user)
    return ended


def drop_streams(user: User) -> None:
    """Make every live token of the person void, and end the open streams once the transaction is durable."""
    user.live_epoch = User.live_epoch + 1  # counted by the database
    after_commit(f"kick:{user.id}", lambda: kick(user.id))
