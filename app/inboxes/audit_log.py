"""Keeps the administration's record: an entry for every act of administration, security and of projects' affairs."""

from collections.abc import Sequence
from typing import ClassVar

from app.audit.keeping import is_audited, keep
from app.events.action import Action, Subject
from app.events.recording import Recorded
from app.inboxes.base import Decision, Inbox, Signal


class AuditLog(Inbox):
    """Adds to the audit log. The entries of a transaction are chained together at its end, in the events' order."""

    name: ClassVar[str] = "audit_log"
    title: ClassVar[str] = "Audit log"
    description: ClassVar[str] = (
        "Keeps a chained record of administration and security, with address and agent."
    )
    icon: ClassVar[str] = "shield"
    locked: ClassVar[str | None] = "a record with gaps proves nothing"

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return is_audited(subject, action)

    def minds_deleted(self) -> bool:
        return True

    def should_process(self) -> Decision:
        return Decision(True, "kept")

    @classmethod
    def together(cls, done: Sequence[Inbox]) -> Sequence[Signal]:
        keep([inbox.event.id for inbox in done])
        return ()

    @classmethod
    def take_imported(cls, events: Sequence[Recorded]) -> str | None:
        keep([event.id for event in events])
        return "kept with the import"
