"""A mail about one event to one person, written when its turn comes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import current_app

from app.config import Settings
from app.inboxes.letter import Letter
from app.inboxes.recipients import REASONS, Recipient
from app.issues.unsubscribing import unsubscribe_token


@dataclass(frozen=True)
class Draft:
    """A mail that is written when its turn comes: of ten thousand, one at a time is in memory."""

    common: Mapping[str, Any]
    """What all who are told of this event read."""
    issue_id: int
    message_id: str
    thread_id: str
    list_id: str
    subject: str
    date: datetime
    to: Recipient

    @cached_property
    def letter(self) -> Letter:
        """The mail itself. Asks no database."""
        base_url, user = _settings().base_url, self.to.user
        unsubscribe = f"{base_url}/unsubscribe/{unsubscribe_token(self.issue_id, user.id)}"
        reason = REASONS.get(self.to.reason, REASONS["manual"])
        words = {**self.common, "reason": reason, "unsubscribe": unsubscribe}
        return Letter(
            user_id=user.id,
            issue_id=self.issue_id,
            message_id=self.message_id,
            thread_id=self.thread_id,
            list_id=self.list_id,
            sender=self.common["actor"],
            name=user.name,
            address=user.email or "",
            subject=self.subject,
            date=self.date,
            text=render("mail/event.txt", words),
            html=render("mail/event.html", words),
            unsubscribe=unsubscribe,
        )


def render(template: str, words: Mapping[str, object]) -> str:
    """Without a request: what pages get from the request is not asked for."""
    return current_app.jinja_env.get_template(template).render(words)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
