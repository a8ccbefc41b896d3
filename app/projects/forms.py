"""The forms of projects, and what people typed into them, cleaned; the cleaning raises Invalid."""

from collections.abc import Mapping
from typing import Any

from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice

from app.web.forms import Form
from app.web.text import clean_line, clean_text

NAME_MAX = 80
DESCRIPTION_MAX = 2_000
VISIBILITIES = [SelectChoice("members", "Its members"), SelectChoice("public", "Everybody")]
ROLES = [
    SelectChoice("viewer", "Viewer: reads"),
    SelectChoice("member", "Member: works on issues"),
    SelectChoice("lead", "Lead: manages the project"),
]


class ProjectForm(Form):
    """Name, description and who may see it."""

    name = StringField("Name", render_kw={"autocomplete": "off"})
    description = TextAreaField("Description", render_kw={"rows": 3}, description="What it is for.")
    visibility = SelectField("Who may see it", choices=VISIBILITIES, validate_choice=False)


class NewProjectForm(ProjectForm):
    """A new project."""

    key = StringField(
        "Key",
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
        description="2 to 10 letters and digits, like ORC. Issues are numbered from it; it never changes.",
    )


class MemberForm(Form):
    """Somebody new."""

    username = StringField(
        "Username", render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    )
    role = SelectField("Role", choices=ROLES, default="member", validate_choice=False)


def clean_name(data: Mapping[str, Any]) -> str:
    """The name of a project on one line."""
    return clean_line(data.get("name"), field="name", name="The name", most=NAME_MAX)


def clean_description(data: Mapping[str, Any]) -> str:
    """What the project is for."""
    return clean_text(
        data.get("description"), field="description", name="The description", most=DESCRIPTION_MAX
    )
