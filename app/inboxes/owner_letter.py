"""The one mail about a webhook that switched itself off: to who made it, with what was wrong and what to do."""

from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from sqlalchemy import select

from app.accounts.user import User
from app.db import db
from app.events.webhook_actions import WHY_OFF, WebhookDisabled
from app.inboxes.base import Happening, Target
from app.inboxes.letter import Letter, one_line
from app.webhooks.endpoint import Endpoint

TOLD = ("gone", "failing")
"""Why it went off, where its maker does not know yet and may still see the project."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail that is written already."""

    letter: Letter


def owner_to_tell(happening: Happening) -> tuple[Endpoint, User] | None:
    """The endpoint and its maker, if there is somebody to tell."""
    action = happening.action
    if not isinstance(action, WebhookDisabled) or action.why not in TOLD:
        return None
    query = select(Endpoint, User).join(User, User.id == Endpoint.maker_id)
    row = db.session.execute(query.where(Endpoint.id == action.endpoint_id)).first()
    if row is None or not row.User.is_active or not row.User.email or not row.User.mails:
        return None
    return row.Endpoint, row.User


def owner_target(
    happening: Happening, endpoint: Endpoint, maker: User, *, base_url: str, inbox: str
) -> Target:
    """The mail, ready to be sent. Its words are the same on every attempt."""
    action, project, event = happening.action, happening.project, happening.event
    assert isinstance(action, WebhookDisabled)
    assert project is not None
    host = urlsplit(base_url).hostname or "localhost"
    link = f"{base_url}/projects/{project.key}/settings/webhooks/{endpoint.id}"
    why = WHY_OFF[action.why]
    said = [
        f"The webhook of {project.name} to {action.host} is off: {why}.",
        "Nothing is lost. What happens from now on is held; when the receiver works again, switch the webhook on "
        "and send what was held.",
    ]
    if action.why == "failing" and endpoint.last_error:
        said.insert(1, f"The last attempt: {endpoint.last_error}")
    letter = Letter(
        user_id=maker.id,
        issue_id=None,
        message_id=f"<{event.uid}.{inbox}.{maker.id}@{host}>",
        thread_id=f"<webhook.{endpoint.id}@{host}>",
        list_id=f"<{project.key.lower()}.{host}>",
        sender=project.name,
        name=maker.name,
        address=maker.email or "",
        subject=f"[{project.key}] The webhook to {one_line(action.host)} is off",
        date=event.created_at,
        text="\n\n".join([*said, link, "You get this because you set this webhook up."]) + "\n",
        html="".join(f"<p>{escape(line)}</p>" for line in said)
        + f'<p><a href="{escape(link)}">Open the webhook</a></p>'
        + "<p>You get this because you set this webhook up.</p>",
        unsubscribe="",
    )
    return Target(str(maker.id), Ready(letter))
