"""How long after the commit the last receiver had it; apart, what somebody else set the pace of."""

from dataclasses import dataclass
from datetime import datetime

from tests.support.house import House


@dataclass(frozen=True)
class Delays:
    """Seconds, sorted.

    `ours`: of each event, to the last receiver that neither refused it nor has a pace of its own.
    """

    ours: list[float]
    slack: list[float]
    """To the message in the channel, which takes one a second."""
    refused: list[float]
    """From a refusal to being taken: what the schedule says, and what a death on the way adds."""
    by_inbox: dict[str, list[float]]
    """Of its deliveries, whatever became of them."""
    slowest: list[str]
    """The last ones to be finished, Slack's left out: where to look."""


def share(seconds: list[float], part: float) -> float:
    """The delay that this part of all did not exceed; 0 when there are none."""
    return seconds[min(len(seconds) - 1, int(len(seconds) * part))] if seconds else 0.0


def delays(house: House) -> Delays:
    """Read from the ledger."""
    refusals = {
        (event_id, f"endpoint:{endpoint}"): _moment(last)
        for event_id, endpoint, last in house.rows(
            "SELECT event_id, endpoint_id, max(created_at) FROM webhook_attempts "
            "WHERE status >= 300 GROUP BY event_id, endpoint_id"
        )
    }
    ours: dict[int, tuple[datetime, datetime]] = {}
    slack, refused = [], []
    waited = {event_id for event_id, _ in refusals}
    for event_id, inbox, began, ended in house.rows(
        "SELECT event_id, inbox, created_at, finished_at FROM deliveries "
        "WHERE inbox <> 'slack_notifications' OR state = 'delivered'"
    ):
        if inbox == "slack_notifications":
            slack.append((_moment(ended) - _moment(began)).total_seconds())
        elif inbox != "webhook_delivery" or event_id not in waited:
            _add(ours, event_id, _moment(began), _moment(ended))
    for event_id, target, began, ended in house.rows(
        "SELECT d.event_id, t.target, d.created_at, t.finished_at FROM delivery_targets t "
        "JOIN deliveries d ON d.id = t.delivery_id WHERE d.inbox = 'webhook_delivery'"
    ):
        if (event_id, target) in refusals:
            refused.append((_moment(ended) - refusals[event_id, target]).total_seconds())
        else:
            _add(ours, event_id, _moment(began), _moment(ended))
    by_inbox: dict[str, list[float]] = {}
    for inbox, began, ended in house.rows("SELECT inbox, created_at, finished_at FROM deliveries"):
        by_inbox.setdefault(inbox, []).append((_moment(ended) - _moment(began)).total_seconds())
    return Delays(
        sorted((last - first).total_seconds() for first, last in ours.values()),
        sorted(slack),
        sorted(refused),
        {inbox: sorted(seconds) for inbox, seconds in by_inbox.items()},
        _slowest(house),
    )


def _slowest(house: House, most: int = 8) -> list[str]:
    rows = house.rows(
        "SELECT d.event_id, e.issue_id, d.inbox, d.attempts, d.created_at, d.started_at, d.finished_at, d.reason "
        "FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.inbox <> 'slack_notifications'"
    )
    found = sorted(
        (
            (_moment(row[6]) - _moment(row[4])).total_seconds(),
            (_moment(row[6]) - _moment(row[5])).total_seconds(),
            row,
        )
        for row in rows
        if row[5] is not None
    )
    return [
        f"{inbox}, event {event} of issue {issue}: {all_in_all:.1f} s, {attempts} attempts, "
        f"the last took {last:.1f} s and ended at {_moment(ended):%H:%M:%S}: {reason}"
        for all_in_all, last, (event, issue, inbox, attempts, _, _, ended, reason) in reversed(found[-most:])
    ]


def _add(
    found: dict[int, tuple[datetime, datetime]], event_id: int, began: datetime, ended: datetime
) -> None:
    before = found.get(event_id, (began, ended))
    found[event_id] = (min(before[0], began), max(before[1], ended))


def _moment(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
