"""What the audit log forgets with a person: the words, the address and the agent of entries that name them.

The entries stay, with the id, in their chain.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import delete, or_, select

from app.accounts.erased import Erased, Part, eraser, in_parts, windows
from app.audit.entry import AuditEntry, AuditText
from app.db import db

TEXTS: Any = AuditText.__table__
ENTRIES: Any = AuditEntry.__table__


@eraser("audit log")
def _forget(who: Erased, place: int) -> Iterator[Part]:
    own = or_(ENTRIES.c.actor_id == who.user_id, ENTRIES.c.user_id == who.user_id)
    named = (TEXTS.c.actor, TEXTS.c.subject, TEXTS.c.words)
    key = TEXTS.c.entry_id
    for low, high in windows(key, place):
        query = (
            select(key, own.label("own"), *named)
            .join(ENTRIES, ENTRIES.c.id == key)
            .where(key > low, key <= high, or_(own, who.somewhere_in(*named)))
            .order_by(key)
        )
        found = [
            (number, delete(TEXTS).where(key == number))
            for number, is_own, *texts in db.session.execute(query)
            if is_own or any(who.without(text) != text for text in texts)
        ]
        yield from in_parts(found, high)
