"""The form of a project's channel, and the address in it: judged before the transaction, sealed before it is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import StringField

from app import http
from app.errors import Invalid
from app.slack.channel import TITLE_MAX
from app.web.forms import Form
from app.web.text import clean_line

LONGEST = 500
"""Characters of an address."""


class SlackForm(Form):
    """The address of an incoming webhook, and a name for the channel behind it. Kinds of news are boxes beside."""

    address = StringField(
        "Address",
        render_kw={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"},
        description="The incoming webhook of the channel. In Slack: Apps > Incoming Webhooks > Add to channel.",
    )
    title = StringField(
        "Name of the channel",
        render_kw={"autocomplete": "off", "placeholder": "#orchard"},
        description="For people who read the settings; Slack does not tell us.",
    )
    families = StringField("Kinds of news")


def clean_title(data: Mapping[str, Any]) -> str:
    """What the lead calls the channel; nothing is fine."""
    return clean_line(data.get("title"), field="title", name="The name", most=TITLE_MAX, least=0)


def clean_address(data: Mapping[str, Any], *, allowed: Sequence[str]) -> str | None:
    """The address, if one was given. Asks the name service: never within a write transaction. Raises Invalid."""
    address = clean_line(data.get("address"), field="address", name="The address", most=LONGEST, least=0)
    if not address:
        return None
    try:
        http.check_address(address, allowed=allowed)
    except http.AddressRefused as refusal:
        raise Invalid(f"This is no address Slack would give: {refusal}", field="address") from refusal
    return address
