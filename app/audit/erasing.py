"""What the audit log forgets with a person: the words, the address and the agent of entries that name them.

The entries stay, with the id, in their chain.
"""

from typing import Any

from sqlalchemy import delete, or_, select

from app.accounts.erasing import Erased, erasers
from app.audit.entry import AuditEntry, AuditText
from app.db import db

TEXTS: Any = AuditText.__table__
ENTRIES: Any = AuditEntry.__table__


def _forget(who: Erased) -> None:
    own = select(ENTRIES.c.id).where(or_(ENTRIES.c.actor_id == who.user_id, ENTRIES.c.user_id == who.user_id))
    db.session.execute(delete(TEXTS).where(TEXTS.c.entry_id.in_(own)))
    named = (TEXTS.c.actor, TEXTS.c.subject, TEXTS.c.words)
    query = select(TEXTS.c.entry_id, *named).where(who.somewhere_in(*named))
    for number, *texts in db.session.execute(query).all():
        if any(who.without(text) != text for text in texts):
            db.session.execute(delete(TEXTS).where(TEXTS.c.entry_id == number))


erasers.append(_forget)
