"""The texts of a rule, rendered when it is saved: never while it acts, inside a transaction."""

from typing import Any

from app.automation.definition import STEPS, TEXT_MAX, VALUE_MAX, Definition, Step
from app.errors import Invalid
from app.issues.rendering import write_text
from app.projects.project import Project
from app.web.text import clean_line, clean_text


def clean(definition: Definition) -> Definition:
    """The definition with every text as it is kept. Raises Invalid at the part that cannot be."""
    steps = tuple(_clean_step(number, step) for number, step in enumerate(definition.steps))
    conditions = tuple(
        one.model_copy(update={"value": _line(one.value, f"if-{number}")})
        for number, one in enumerate(definition.conditions)
    )
    return definition.model_copy(update={"steps": steps, "conditions": conditions})


def write_texts(definition: Definition, project: Project) -> dict[str, Any]:
    """Place of a step -> its HTML and whom it mentions. Slow for hostile text: call it before `begin_write()`."""
    texts: dict[str, Any] = {}
    for number, step in enumerate(definition.steps):
        if step.text and step.do in ("comment", "create"):
            written = write_text(step.text, project, field=f"then-{number}", required=False, name="The text")
            mentions = [person.username for person in written.mentioned]
            texts[str(number)] = {"html": written.html, "mentions": mentions}
    return texts


def _clean_step(number: int, step: Step) -> Step:
    place = f"then-{number}"
    kind = STEPS.get(step.do)
    has_text, has_title = (kind.has_text, kind.has_title) if kind else (False, False)
    if (step.text and not has_text) or (step.title and not has_title):
        raise Invalid("This step takes no text.", field=place)
    text = clean_text(step.text, field=place, name="The text", most=4 * TEXT_MAX)
    if len(text) > TEXT_MAX:
        raise Invalid(f"The text has {len(text):,} characters; {TEXT_MAX:,} are the most.", field=place)
    if step.do == "move":
        text = " ".join(text.split())
    return step.model_copy(
        update={"value": _line(step.value, place), "title": _line(step.title, place), "text": text}
    )


def _line(value: str, place: str) -> str:
    return clean_line(value, field=place, name="The value", most=VALUE_MAX, least=0)
