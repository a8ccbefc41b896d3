"""Mails people about issues they watch: a mail for each person, sent by itself and tried again by itself.

Without SMTP_URL the mails are kept and can be read under Admin > Outgoing mail.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app import clock, mail
from app.config import Settings
from app.db import db
from app.events.action import Action, Subject
from app.events.external_actions import IntegrationPaused
from app.events.issue_actions import (
    Assigned,
    Closed,
    Commented,
    Created,
    Reopened,
    StatusChanged,
    Unassigned,
)
from app.events.webhook_actions import WebhookDisabled
from app.events.wording import plain
from app.inboxes.base import Decision, Inbox, MaybeSent, Target, Undeliverable
from app.inboxes.bulk_letter import BulkDraft, bulk_drafts, mailed_before
from app.inboxes.bundle_letter import bundled
from app.inboxes.draft import Draft
from app.inboxes.letter import Letter, as_message, one_line, shortened
from app.inboxes.mail_bundles import Timed, settle, take_along
from app.inboxes.owner_letter import owner_target, owner_to_tell
from app.inboxes.pause_letter import pause_target, person_to_tell
from app.inboxes.recipients import Recipient, nobody, recipients
from app.issues.comment import Comment
from app.notifications.outgoing_mail import OutgoingMail

MAILED: tuple[type[Action], ...] = (
    Created,
    Assigned,
    Unassigned,
    StatusChanged,
    Closed,
    Reopened,
    Commented,
)
"""What is worth a mail to those who watch; the rest of what happens to an issue is told in the product only."""
MAILED_NAMES = frozenset(action.name for action in MAILED)
MAILED_TO_MAKERS = (WebhookDisabled, IntegrationPaused)
"""What is mailed once, to who set up what stopped working by itself."""
URGENT = ("mentioned", "assigned")
"""Reasons for which nobody waits for a bundle."""
KEPT = "kept: no mail server is set"


class EmailNotifications(Inbox):
    """One mail for each watcher with an address who wants mails."""

    name: ClassVar[str] = "email_notifications"
    title: ClassVar[str] = "Email"
    description: ClassVar[str] = (
        "Mails people when an issue they watch is opened, assigned, moved or commented."
    )
    icon: ClassVar[str] = "mail"
    tells_people: ClassVar[bool] = True
    queue: ClassVar[str] = "mail"
    outside: ClassVar[bool] = True
    backoff: ClassVar[Sequence[timedelta]] = (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=8),
    )

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return (subject == Subject.issue and action in MAILED) or action in MAILED_TO_MAKERS

    def should_process(self) -> Decision:
        if isinstance(self.happening.action, MAILED_TO_MAKERS):
            told = bool(owner_to_tell(self.happening) or person_to_tell(self.happening))
            return Decision(told, "mailed to who set it up" if told else "nobody has to be told")
        if self.event.quiet:
            return Decision(False, "done quietly")
        if not recipients(self.happening, MAILED_NAMES):
            return Decision(False, nobody(self.happening))
        people = self._mailed()
        if not people:
            return Decision(False, "nobody who watches wants mails")
        if self._text_was_removed():
            return Decision(False, "the comment was removed")
        return Decision(True, f"mailed to {len(people)} {'person' if len(people) == 1 else 'people'}")

    def plan(self) -> Sequence[Target]:
        settings, issue, project = _settings(), self.happening.issue, self.happening.project
        if owner := owner_to_tell(self.happening):
            return [owner_target(self.happening, *owner, base_url=settings.base_url, inbox=self.name)]
        if person := person_to_tell(self.happening):
            return [pause_target(self.happening, person, base_url=settings.base_url, inbox=self.name)]
        assert issue is not None
        assert project is not None
        host = urlsplit(settings.base_url).hostname or "localhost"
        key = f"{project.key}-{issue.number}"
        first = "" if isinstance(self.happening.action, Created) else "Re: "
        common = self._common(key, settings.base_url)
        mailed = self._mailed()
        bulk = bulk_drafts(self.happening, mailed, MAILED_NAMES, base_url=settings.base_url, inbox=self.name)
        drafts = [
            bulk.get(one.user.id)
            or Draft(
                common=common,
                issue_id=issue.id,
                message_id=f"<{self.event.uid}.{self.name}.{one.user.id}@{host}>",
                thread_id=f"<issue.{issue.id}@{host}>",
                list_id=f"<{project.key.lower()}.{host}>",
                subject=f"{first}[{key}] {one_line(issue.title)}",
                date=self.event.created_at,
                to=one,
            )
            for one in mailed
        ]
        return [self._target(one) for one in drafts]

    @classmethod
    def send(cls, target: Target) -> str:
        settings, message, more = _settings(), target.message, ""
        if isinstance(message, Timed):
            if with_carrier := settle(message):
                return with_carrier
            if events := take_along(message):
                message.bundle = bundled(message, events, MAILED_NAMES, base_url=settings.base_url)
                more = f" with {len(events)} more in it"
        letter: Letter = message.letter
        if not mail.is_address(letter.address):
            raise Undeliverable(f"{letter.address} is not an address")
        if settings.smtp_url is None:
            return KEPT + more
        try:
            server = mail.send(as_message(letter, mail_from=settings.mail_from), settings.smtp_url)
        except mail.MailRefused as refusal:
            raise Undeliverable(str(refusal)) from refusal
        except mail.MailInDoubt as doubt:
            raise MaybeSent(str(doubt)) from doubt
        return f"handed to {server}{more}"

    @classmethod
    def sent(cls, target: Target, event_id: int, outcome: str) -> None:
        if isinstance(target.message, Timed) and target.message.carried:
            return
        letter: Letter = target.message.letter
        insert = (postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite).insert
        row = {
            "user_id": letter.user_id,
            "event_id": event_id,
            "issue_id": letter.issue_id,
            "message_id": letter.message_id,
            "address": letter.address,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "state": "kept" if outcome.startswith(KEPT) else "sent",
            "created_at": clock.now(),
        }
        db.session.execute(insert(OutgoingMail).values(row).on_conflict_do_nothing())

    def _mailed(self) -> list[Recipient]:
        before = mailed_before(self.event, self.name)
        told = recipients(self.happening, MAILED_NAMES)
        return [one for one in told if one.user.email and one.user.mails and one.user.id not in before]

    def _target(self, draft: Draft | BulkDraft) -> Target:
        """The mail, with the time its receiver chose if it is not at once and at any hour."""
        to, event = draft.to, self.event
        if to.user.pace.is_plain:
            return Target(str(to.user.id), draft)
        due = to.user.pace.moment(event.created_at, urgent=to.reason in URGENT)
        return Target(str(to.user.id), Timed(draft, event.id, to.user.id), after=due)

    def _common(self, key: str, base_url: str) -> dict[str, Any]:
        """What the mails of this event have in common."""
        issue, line = self.happening.issue, self.happening.action.line(self.event.actor_id)
        assert issue is not None
        return {
            "actor": self._actor(),
            "parts": line,
            "sentence": plain(line, issue=key, quotes=False),
            "key": key,
            "title": one_line(issue.title),
            "said": self._said(base_url),
            "link": f"{base_url}/issues/{key}#event-{self.event.seq}",
            "settings": f"{base_url}/settings/notifications",
        }

    def _actor(self) -> str:
        return one_line(self.happening.actor.name) if self.happening.actor else "Tidings"

    def _said(self, base_url: str) -> dict[str, str] | None:
        """What the event says at length (comment, description, reason) as text and as safe HTML."""
        action, issue = self.happening.action, self.happening.issue
        assert issue is not None
        if isinstance(action, Commented):
            comment = self._comment(action)
            source, html = (comment.body, comment.html) if comment else (action.excerpt, "")
        elif isinstance(action, Created):
            source, html = issue.description, issue.description_html
        else:
            source, html = getattr(action, "reason", None) or "", ""
        if not source:
            return None
        whole = html if len(html) <= 2 * len(shortened(source)) + 20_000 else ""
        return {"text": shortened(source), "html": _absolute(whole, base_url)}

    def _comment(self, action: Commented) -> Comment | None:
        if "comment" not in self.happening.memo:
            query = select(Comment).where(Comment.id == action.comment_id)
            found = db.session.scalar(query.execution_options(populate_existing=True))
            self.happening.memo["comment"] = found
        comment: Comment | None = self.happening.memo["comment"]
        return comment

    def _text_was_removed(self) -> bool:
        action = self.happening.action
        if not isinstance(action, Commented):
            return False
        comment = self._comment(action)
        return comment is None or comment.deleted_at is not None


def _absolute(html: str, base_url: str) -> str:
    """Links within the product lead there from a mail too. The HTML is our own sanitiser's."""
    return re.sub(r'(href|src)="/(?!/)', rf'\1="{base_url}/', html)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
