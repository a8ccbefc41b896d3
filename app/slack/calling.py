"""One call to Slack: an incoming webhook takes a message, or says in one word why not."""

import json
from collections.abc import Sequence
from datetime import timedelta

from app import http

HOPELESS = {
    "no_service": "the webhook was removed in Slack, or its app was uninstalled",
    "no_service_id": "the address is not complete",
    "no_team": "there is no such workspace",
    "team_disabled": "the workspace is closed",
    "invalid_token": "the address is not valid (any more)",
    "channel_not_found": "the channel is gone",
    "channel_is_archived": "the channel is archived",
    "action_prohibited": "an administrator of the workspace forbids it",
    "posting_to_general_channel_denied": "only administrators may write in that channel",
    "user_not_found": "the person it wrote to is gone",
}
"""What Slack says when no later attempt can help, in words."""
OURS = ("invalid_payload", "no_text", "too_many_attachments", "missing_text_or_fallback_or_attachments")
"""What it says of a message it cannot read: that one message is lost, the channel is fine."""
PATIENCE = timedelta(seconds=30)
"""The wait when Slack asks for patience without saying how much."""
LONGEST = timedelta(hours=1)
HEARD = ("did not answer", "closed the connection")
"""What the door to the outside says when somebody was there to hear."""


class Broken(Exception):
    """The address will never work again; the text says why and what to do."""


class Unwanted(Exception):
    """Slack does not take this one message."""


class Busy(Exception):
    """Slack asks for patience."""

    def __init__(self, words: str, after: timedelta) -> None:
        super().__init__(words)
        self.after = after


class Failed(Exception):
    """It did not work this time."""


class Unsure(Failed):
    """No answer came, and the message may stand in the channel all the same."""


def post(address: str, text: str, *, allowed: Sequence[str]) -> None:
    """Say `text` (mrkdwn) in the channel behind the address. Raises Broken, Unwanted, Busy, Failed, Unsure.

    The texts of the errors never hold the address: whoever has it may write there.
    """
    message = {"text": text, "unfurl_links": False, "unfurl_media": False}
    try:
        answer = http.request(
            "POST",
            address,
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=json.dumps(message).encode(),
            allowed=allowed,
            most=2_000,
        )
    except http.AddressRefused as refusal:
        raise Broken(f"The address may not be called: {refusal}") from refusal
    except http.Unreachable as error:
        kind = Unsure if any(words in str(error) for words in HEARD) else Failed
        raise kind(f"Slack could not be reached: {error}") from error
    _judge(answer)


def _judge(answer: http.Answer) -> None:
    said = answer.body.decode(errors="replace").strip()[:60]
    if answer.status == 200:
        if said.lower() == "ok":
            return
        raise Failed("What answered is not Slack: it did not say “ok”")
    if answer.status == 429:
        wait = _patience(answer.headers.get("retry-after", ""))
        raise Busy(f"Slack asked us to wait {int(wait.total_seconds())} seconds (429)", wait)
    if said in HOPELESS or answer.status in (403, 404, 410):
        why = HOPELESS.get(said, f"it answered {answer.status}")
        raise Broken(f"Slack refuses this address: {why}. Make a new one in Slack and enter it")
    if said in OURS:
        raise Unwanted(f"Slack could not read the message ({said})")
    if 300 <= answer.status < 400:
        raise Broken(
            f"The address answers with a redirect ({answer.status}), as Slack never does. Enter a new one"
        )
    raise Failed(f"Slack answered {answer.status}")


def _patience(said: str) -> timedelta:
    if not said.isascii() or not said.isdigit():
        return PATIENCE
    return min(timedelta(seconds=max(int(said[:6]), 1)), LONGEST)
