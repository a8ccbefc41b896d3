"""From what somebody typed to the text that is kept: cleaned, rendered, with the people it mentions.

The one way for pages, the API and commands. Hostile text takes up to 0.3 s: call it before `begin_write()`.
"""

from app.accounts.user import User
from app.errors import Invalid
from app.issues.written import NOTHING, WrittenText
from app.projects.project import Project
from app.projects.queries import people_named
from app.web.markdown import names_in, render_markdown
from app.web.text import clean_text

HEADING_ABOVE = {"description": 1}
"""Field -> the level of the heading the text stands under; a comment's is 3."""
NAMES = {"description": "The description", "body": "The comment"}


def write_text(
    source: object, project: Project, *, field: str, required: bool, name: str | None = None
) -> WrittenText:
    """The text with its safe HTML and the mentioned people who may see the project. At most one query.

    Raises Invalid naming `field` when it cannot be kept: too long, a character no database holds, or nothing
    where something is required. What has the shape of an issue's key becomes a link, whether there is such an
    issue or not: rights are asked when it is opened.
    """
    cleaned = clean_text(source, field=field, name=name or NAMES.get(field, "The text"), required=required)
    if not cleaned:
        return NOTHING
    people = {user.username.lower(): user for user in _people(cleaned, project)}
    try:
        rendered = render_markdown(
            cleaned,
            mention=lambda username: f"/people/{people[username].username}" if username in people else None,
            reference=lambda key, number: f"/issues/{key or project.key}-{number}",
            under=HEADING_ABOVE.get(field, 3),
        )
    except Invalid as error:
        raise Invalid(error.message, field=field) from error
    mentioned = tuple(people[username] for username in rendered.mentions)
    return WrittenText(cleaned, rendered.html, mentioned)


def _people(text: str, project: Project) -> list[User]:
    usernames, _ = names_in(text)
    return list(people_named(project, sorted(usernames))) if usernames else []
