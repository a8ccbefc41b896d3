"""`ui`: the macros of templates/components, in every template without an import, `{{ ui.icon("bell") }}`."""

from typing import Any

from flask import Flask
from jinja2 import Environment, StrictUndefined

FOLDER = "components/"


class Components:
    """The macros of all component files under one name; two files may not have a macro of the same name."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._macros: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if not self._macros or self._environment.auto_reload:
            self._macros = self._gather()
        try:
            return self._macros[name]
        except KeyError:
            raise AttributeError(f"templates/components has no macro {name}") from None

    def _gather(self) -> dict[str, Any]:
        macros: dict[str, Any] = {}
        for file in self._environment.list_templates(filter_func=lambda file: file.startswith(FOLDER)):
            module = self._environment.get_template(file).module
            for name in vars(module):
                if not name.startswith("_"):
                    if name in macros:
                        raise ValueError(f"{file} has a second macro called {name}")
                    macros[name] = getattr(module, name)
        return macros


def install(app: Flask) -> None:
    """A name nobody gave to a template is a fault, not an empty string."""
    app.jinja_options = {
        **app.jinja_options,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    app.jinja_env.globals["ui"] = Components(app.jinja_env)
