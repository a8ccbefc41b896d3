"""What is typed about a webhook, checked; the checks raise Invalid."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput, ListWidget

from app.addresses import LONGEST
from app.errors import Invalid
from app.http import AddressRefused, check_address
from app.web.forms import Form
from app.web.text import clean_line
from app.webhooks.endpoint import EVERYTHING, choices, clean_actions

FAMILIES = {
    "content": "Issues opened and edited",
    "status": "Status",
    "people": "People",
    "planning": "Planning",
    "discussion": "Comments",
    "attention": "Attention",
    "project": "The project",
    "admin": "Administration",
    "security": "Security",
}
"""Families in words for the form."""


class EndpointForm(Form):
    """Where to, and about what."""

    url = StringField(
        "Address",
        render_kw={
            "autocomplete": "off",
            "inputmode": "url",
            "spellcheck": "false",
            "maxlength": str(LONGEST),
        },
        description="Events are sent there by POST, as JSON. Like https://example.com/hooks/tidings.",
    )
    actions = SelectMultipleField(
        "Tell it about",
        validate_choice=False,
        default=[EVERYTHING],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def groups(self) -> list[tuple[str, str, dict[str, str]]]:
        """The choices: (family, in words, name of the action -> what it says about itself)."""
        return [
            (family, FAMILIES.get(family, family.capitalize()), names) for family, names in choices().items()
        ]


def clean_endpoint(data: Mapping[str, Any], *, allowed: Sequence[str]) -> tuple[str, list[str]]:
    """The address and the actions. Resolves the name of the host: not to be called inside a write transaction."""
    url = clean_line(data.get("url"), field="url", name="The address", most=LONGEST)
    actions = clean_actions(data.get("actions") or [])
    try:
        check_address(url, allowed=allowed)
    except AddressRefused as refusal:
        raise Invalid(f"{refusal}.", field="url") from refusal
    return url, actions
