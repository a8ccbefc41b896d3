"""What arrived outside, compared with what the ledger says was sent: mails, webhooks, Slack."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import Any

from app.webhooks.signing import signature
from tests.chaos.outside import Hook, Outside
from tests.support.house import House
from tests.support.sink import Arrival, Sink
from tests.support.smtp import Mailbox

TWICE = "may have been sent twice"
_IN_SLACK = re.compile(r"/issues/([A-Z]+-\d+)#event-(\d+)\|")
_FOLDED = re.compile(r"^\*(\d+) things happened\*")


@dataclass(frozen=True)
class Came:
    """Messages that the other side took, those it took twice, and receivers marked as possibly having one twice."""

    taken: int
    doubled: int
    marked: int
    more: str = ""
    """What else is to be said of this sink, in a few words."""


@dataclass(frozen=True)
class Sent:
    """A receiver of a delivery, as the ledger has it."""

    event_id: int
    uid: str
    place: tuple[str, int]
    """Key of the issue and number of the event in it."""
    target: str
    state: str
    doubts: int
    reason: str


def targets(house: House, inbox: str) -> list[Sent]:
    """All receivers of an inbox. Each of which nobody knows whether it has its message twice is marked."""
    rows = house.rows(
        "SELECT e.id, e.uid, p.key, i.number, e.seq, t.target, t.state, t.doubts, t.reason FROM delivery_targets t "
        "JOIN deliveries d ON d.id = t.delivery_id JOIN events e ON e.id = d.event_id "
        "LEFT JOIN issues i ON i.id = e.issue_id LEFT JOIN projects p ON p.id = e.project_id "
        f"WHERE d.inbox = '{inbox}'"
    )
    found = [
        Sent(row[0], str(row[1]), (f"{row[2]}-{row[3]}", row[4]), *row[5:8], row[8] or "") for row in rows
    ]
    unmarked = [one for one in found if one.doubts and one.state == "delivered" and TWICE not in one.reason]
    assert not unmarked, ("may have come twice and is not marked", unmarked[:5])
    return found


def mails_that_came(house: House, mailbox: Mailbox) -> Came:
    """Every mail that the ledger says was sent came; none besides; what came twice is marked, each one."""
    ids = {
        (event_id, str(user_id)): message_id
        for event_id, user_id, message_id in house.rows(
            "SELECT event_id, user_id, message_id FROM outgoing_mails"
        )
    }
    sent = targets(house, "email_notifications")
    arrived = Counter(str(BytesHeaderParser().parsebytes(raw)["Message-ID"]).strip() for raw in mailbox.raw)
    may_have_come = {ids[one.event_id, one.target]: 1 + one.doubts for one in sent}
    return compared("mail", arrived, may_have_come, may_have_come, marked=_doubtful(sent))


def webhooks_that_came(house: House, there: Sink, hooks: Sequence[Hook]) -> dict[str, Came]:
    """The same for each webhook: what it took, by the id of the message; what it refused is in its log."""
    sent, found = targets(house, "webhook_delivery"), {}
    told_of = {
        uid
        for (uid,) in house.rows(
            "SELECT e.uid FROM events e JOIN deliveries d ON d.event_id = e.id "
            "WHERE d.inbox = 'webhook_delivery' AND d.state = 'delivered'"
        )
    }
    for hook in hooks:
        mine = [one for one in sent if one.target == f"endpoint:{hook.id}"]
        if hook.path == "/everything":
            assert {one.uid for one in mine} == {str(uid) for uid in told_of}
        answered = dict(
            house.rows(
                "SELECT e.uid, count(*) FROM webhook_attempts a JOIN events e ON e.id = a.event_id "
                f"WHERE a.endpoint_id = {hook.id} AND a.status IS NOT NULL GROUP BY e.uid"
            )
        )
        came = there.at(hook.path)
        _are_signed(came, hook.secret)
        known = {str(uid): number for uid, number in answered.items()}
        compared(hook.path, _ids(came), known, {one.uid: known[one.uid] + one.doubts for one in mine})
        taken = _ids(one for one in there.taken if one.path == hook.path)
        delivered = [one.uid for one in mine if one.state == "delivered"]
        may_have_come = {one.uid: 1 + one.doubts for one in mine}
        refused = sum(known.values()) - len(delivered)
        more = f"{refused} refused first and sent again" if refused else ""
        found[f"webhook {hook.path}"] = compared(
            hook.path, taken, delivered, may_have_come, marked=_doubtful(mine), more=more
        )
    return found


def slack_that_came(house: House, texts: Sequence[str]) -> Came:
    """Each event that was told stands in the channel, alone or in a message of many, and no more often than marked."""
    sent = targets(house, "slack_notifications")
    assert {one.state for one in sent} <= {"delivered"}, sent[:5]
    heads = {one.place: one for one in sent if "in one message with" not in one.reason}
    folded = {one.place: one for one in sent if one.place not in heads}
    spoken: Counter[tuple[str, int]] = Counter()
    said: Counter[tuple[str, int]] = Counter()
    sizes: dict[tuple[str, int], int] = {}
    for text in texts:
        places = [(key, int(seq)) for key, seq in _IN_SLACK.findall(text)]
        spoken[places[0]] += 1
        said.update(places)
        many = _FOLDED.match(text)
        sizes[places[0]] = int(many[1]) - 1 if many else 0
        assert not many or len(places) == min(int(many[1]), 15), text
    may_have_come = {one.place: 1 + one.doubts for one in sent}
    assert sum(sizes[place] for place in heads) == len(folded), "as many are folded as the messages say"
    compared("slack", said, heads, may_have_come)
    came = compared("slack", spoken, heads, may_have_come, marked=_doubtful(sent))
    more = f"{len(folded)} more told in {sum(map(bool, sizes.values()))} messages of many" if folded else ""
    return Came(came.taken, came.doubled, came.marked, more)


def all_that_came(house: House, beyond: Outside) -> dict[str, Came]:
    """Every sink but GitHub: its name -> what it took."""
    return {
        "mail": mails_that_came(house, beyond.mailbox),
        **webhooks_that_came(house, beyond.hooks, beyond.webhooks),
        "Slack": slack_that_came(house, beyond.slack.texts),
    }


def compared(
    sink: str,
    arrived: Mapping[Any, int],
    sent: Iterable[Any],
    may_have_come: Mapping[Any, int],
    *,
    marked: int = 0,
    more: str = "",
) -> Came:
    lost = [one for one in sent if one not in arrived]
    assert not lost, (sink, "marked as sent and never came", lost[:5])
    unknown = [one for one in arrived if one not in may_have_come]
    assert not unknown, (sink, "came and is in no book", unknown[:5])
    unmarked = {one: times for one, times in arrived.items() if times > may_have_come[one]}
    assert not unmarked, (sink, "came more often than it is marked", unmarked)
    taken = sum(arrived.values())
    return Came(taken, taken - len(arrived), marked, more)


def _doubtful(sent: Iterable[Sent]) -> int:
    return sum(one.doubts > 0 for one in sent)


def _ids(came: Iterable[Arrival]) -> Counter[str]:
    return Counter(one.headers["webhook-id"] for one in came)


def _are_signed(came: Sequence[Arrival], secret: str) -> None:
    """Every message is signed, and says the same each time it comes."""
    bodies: dict[str, bytes] = {}
    for one in came:
        name, moment = one.headers["webhook-id"], int(one.headers["webhook-timestamp"])
        assert one.headers["webhook-signature"] == signature(
            secret, webhook_id=name, timestamp=moment, body=one.body
        )
        assert bodies.setdefault(name, one.body) == one.body, name
