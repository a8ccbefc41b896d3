"""`ui`: every macro of templates/components, in every template without an import (`{{ ui.icon("bell") }}`)."""

from typing import Any

from flask import Flask
from jinja2 import Environment, StrictUndefined

ALL = "components/ui.html"
"""The file that gathers the macros of all component files."""


class Components:
    """The macros, looked up when a template names one."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._kept: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._kept is None or self._environment.auto_reload:
            self._kept = self._environment.get_template(ALL).module
        return getattr(self._kept, name)


def install(app: Flask) -> None:
    """A name nobody gave to a template is a fault, not an empty string."""
    app.jinja_options = {
        **app.jinja_options,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    app.jinja_env.globals["ui"] = Components(app.jinja_env)
