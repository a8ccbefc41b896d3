"""The base of all forms: Flask-WTF, with refusals of the domain shown at their field."""

from typing import Any

from flask import g
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf

from app.errors import DomainError


def form_token() -> str:
    """The token every form of a page carries: made once a request, asked for by each form."""
    return g.get("csrf_token") or str(generate_csrf())


class Form(FlaskForm):  # type: ignore[misc] # Flask-WTF has no types
    """A form whose fields templates render with `ui.field(form.title)`."""

    def refuse(self, error: DomainError) -> None:
        """Show a refusal: at the field it names, else above the form."""
        found = self._fields.get(error.field or "")
        if found is None:
            self.form_errors.append(error.message)
        else:
            found.errors = [*found.errors, error.message]

    @property
    def first_bad(self) -> str | None:
        """The name of the first field with an error, which takes the focus."""
        return next((field.name for field in self if field.errors), None)

    def validate_on_submit(self, *args: Any, **kwargs: Any) -> bool:
        """Whether this is a POST and every field is fine."""
        return bool(super().validate_on_submit(*args, **kwargs))
