"""The people of an archive: no password and no address, so nobody can sign in as one before it is claimed."""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select

from app.accounts.user import User
from app.db import db, take_ids
from app.errors import Conflict
from app.events.bulk import Fact, record_many
from app.events.event import Actor
from app.events.people_actions import UserCreated
from app.events.recording import holds
from app.importing.archive import GHOST, Archive

USERNAME_MAX = 39
NAME_MAX = 80


def logins(archive: Archive) -> list[str]:
    """Everybody the archive speaks of, in the order of their appearance, each once whatever the case."""
    found: dict[str, str] = {}
    for item in archive.items:
        names = (item.author, item.closed_by, *item.assignees, *(remark.author for remark in item.remarks))
        for name in names:
            if name:
                found.setdefault(name.lower(), name)
    return list(found.values())


def origin(login: str) -> str:
    """What `imported_from` says of this person."""
    return f"github:{login.lower()}"


def known_people(names: Iterable[str]) -> dict[str, str]:
    """Login in lower case -> username, of those an earlier import brought."""
    origins = {origin(name): name.lower() for name in names}
    query = select(User.imported_from, User.username).where(User.imported_from.in_(origins))
    return {origins[key]: username for key, username in db.session.execute(query) if key}


def free_usernames(names: Iterable[str]) -> dict[str, str]:
    """Login in lower case -> a username by our rules that nobody has."""
    taken = set(db.session.scalars(select(func.lower(User.username))))
    given: dict[str, str] = {}
    for name in names:
        given[name.lower()] = username = _free(_cleaned(name), taken)
        taken.add(username)
    return given


def make_people(
    names: dict[str, str], usernames: dict[str, str], *, actor: Actor, at: datetime
) -> list[User]:
    """Accounts for logins (lower case -> as written). Raises Conflict when a name was taken meanwhile."""
    clash = User.username.in_([usernames[login] for login in names])
    if names and db.session.scalar(select(func.count()).select_from(User).where(clash)):
        raise Conflict("Somebody took a username of the archive meanwhile; run the command again")
    ids = take_ids("users", len(names)) if names else []
    made = [
        User(
            id=user_id,
            username=usernames[login],
            name="Ghost" if login == GHOST else name[:NAME_MAX],
            imported_from=origin(login),
            mails=False,
            is_admin=False,
            is_active=True,
            event_seq=0,
            created_at=at,
        )
        for user_id, (login, name) in zip(ids, names.items(), strict=True)
    ]
    db.session.add_all(made)
    db.session.flush()
    for user in made:
        holds(user)
    record_many([Fact(user, UserCreated(user=user.ref, via="import"), actor, at) for user in made])
    db.session.flush()
    return made


def _cleaned(login: str) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", login.lower()).lstrip("._-").rstrip("-")[:USERNAME_MAX]
    return name if len(name) > 1 else f"{name or 'github'}-{'user' if name else 'person'}"


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name[: USERNAME_MAX - 6]}-{number}"
    return candidate
