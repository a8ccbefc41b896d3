"""What arrived outside, compared with what the ledger says was sent."""

from collections import Counter
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from tests.support.house import House
from tests.support.smtp import Mailbox

TWICE = "may have been sent twice"


@dataclass(frozen=True)
class Came:
    """Messages that the other side took, those it took twice, and those marked as possibly so."""

    taken: int
    doubled: int
    marked: int


def mails_that_came(house: House, mailbox: Mailbox) -> Came:
    """Every mail that the ledger says was sent came; none besides; what came twice is marked, each one."""
    ids = {
        (event_id, str(user_id)): message_id
        for event_id, user_id, message_id in house.rows(
            "SELECT event_id, user_id, message_id FROM outgoing_mails"
        )
    }
    rows = house.rows(
        "SELECT d.event_id, t.target, t.state, t.doubts, t.reason FROM delivery_targets t "
        "JOIN deliveries d ON d.id = t.delivery_id WHERE d.inbox = 'email_notifications'"
    )
    may_have_come = {ids[event_id, target]: 1 + doubts for event_id, target, _, doubts, _ in rows}
    arrived = Counter(str(BytesHeaderParser().parsebytes(raw)["Message-ID"]).strip() for raw in mailbox.raw)
    lost = [message for message in may_have_come if message not in arrived]
    assert not lost, ("marked as sent and never came", lost[:5])
    unknown = [message for message in arrived if message not in may_have_come]
    assert not unknown, ("came and is in no book", unknown[:5])
    unmarked = {message: times for message, times in arrived.items() if times > may_have_come[message]}
    assert not unmarked, ("came more often than it is marked", unmarked)
    marked = [row for row in rows if row[3]]
    assert all(TWICE in (row[4] or "") for row in marked), marked[:5]
    doubled = sum(times - 1 for times in arrived.values())
    return Came(sum(arrived.values()), doubled, len(marked))
