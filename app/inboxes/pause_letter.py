"""The one mail about a connection that GitHub's refusal paused: to who made it, with what was said and what to do."""

from html import escape
from urllib.parse import urlsplit

from sqlalchemy import select

from app.accounts.user import User
from app.db import db
from app.events.external_actions import IntegrationPaused
from app.inboxes.base import Happening, Target
from app.inboxes.letter import Letter
from app.inboxes.owner_letter import Ready
from app.sync.connection import SyncConnection


def person_to_tell(happening: Happening) -> User | None:
    """Who made the connection, unless somebody paused it by hand, or they cannot or do not want to be mailed."""
    if not isinstance(happening.action, IntegrationPaused) or happening.event.actor_kind != "system":
        return None
    query = select(User).join(SyncConnection, SyncConnection.owner_id == User.id)
    person = db.session.scalar(query.where(SyncConnection.project_id == happening.event.project_id))
    return person if person and person.is_active and person.email and person.mails else None


def pause_target(happening: Happening, person: User, *, base_url: str, inbox: str) -> Target:
    """The mail, ready to be sent. Its words are the same on every attempt."""
    action, project, event = happening.action, happening.project, happening.event
    assert isinstance(action, IntegrationPaused)
    assert project is not None
    host = urlsplit(base_url).hostname or "localhost"
    link = f"{base_url}/projects/{project.key}/settings/sync"
    said = [
        f"{project.name} and {action.scope} on GitHub are not kept the same for now. {action.why or ''}",
        "Nothing is lost. What happens meanwhile is kept; put it right and let the connection go on.",
    ]
    why = "You get this because you made this connection."
    letter = Letter(
        user_id=person.id,
        issue_id=None,
        message_id=f"<{event.uid}.{inbox}.{person.id}@{host}>",
        thread_id=f"<sync.{project.id}@{host}>",
        list_id=f"<{project.key.lower()}.{host}>",
        sender=project.name,
        name=person.name,
        address=person.email or "",
        subject=f"[{project.key}] The connection with GitHub is paused",
        date=event.created_at,
        text="\n\n".join([*said, link, why]) + "\n",
        html="".join(f"<p>{escape(line)}</p>" for line in said)
        + f'<p><a href="{escape(link)}">Open the connection</a></p><p>{why}</p>',
        unsubscribe="",
    )
    return Target(str(person.id), Ready(letter))
