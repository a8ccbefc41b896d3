"""`ui`: the macros of templates/components, in every template without an import, `{{ ui.icon("bell") }}`."""

import html
from functools import lru_cache
from typing import Any

from flask import Flask
from jinja2 import Environment, StrictUndefined, nodes, runtime
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

FOLDER = "components/"
DRAWN_ONCE = frozenset(
    {
        *(
            "icon",
            "glyph",
            "status",
            "status_word",
            "pill",
            "priority",
            "label",
            "tag",
            "count",
            "face",
            "robot",
        ),
        *(
            "shown_key",
            "hx_errors",
            "mark",
            "live_pill",
            "fresh_pill",
            "keys_sheet",
            "head_links",
            "nav_item",
            "comment_head",
        ),
    }
)
"""Macros made of nothing but their arguments, all of them values: with the same ones they are drawn once."""
KEPT = 2_048


class Components:
    """The macros of all component files under one name; two files may not have a macro of the same name."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        """Asked for a name that is not here yet: the first one, or each one while templates are reloaded."""
        if name.startswith("_"):
            raise AttributeError(name)
        macros = self._gather()
        if not self._environment.auto_reload:
            vars(self).update({known: _kept(known, macro) for known, macro in macros.items()})
        try:
            return macros[name]
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


def _kept(name: str, macro: Any) -> Any:
    """The macro, or one that remembers. Typed: safe markup and plain text that read the same are told apart."""
    return lru_cache(KEPT, typed=True)(macro) if name in DRAWN_ONCE else macro


_Remembering = type(lru_cache(lambda: None))


class Context(runtime.Context):
    """Jinja's own, which asks of everything a template calls, four ways, whether it wants the context too."""

    def call(__self, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja's, for names in kwargs
        kind = type(__obj)
        if kind is _Remembering:
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return __obj(*args, **kwargs)
        if kind is runtime.Macro:
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return __obj(__self.eval_ctx, *args, **kwargs)
        return super().call(__obj, *args, **kwargs)


def escaped(value: object) -> str:
    """`value` as safe text. What is safe already is given back as it is: half of what a page prints."""
    kind = type(value)
    if kind is str:
        return html.escape(value)  # type: ignore[arg-type] # it is one
    if kind is Markup:
        return value  # type: ignore[return-value] # it is one
    return escape(value)


class Generator(CodeGenerator):
    """Jinja's own, but for what it calls on everything that is printed: its `escape` copies safe text twice."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("environment.escaped(")
        else:
            super()._output_child_pre(node, frame, finalize)


def install(app: Flask) -> None:
    """A name nobody gave to a template is a fault, not an empty string."""
    app.jinja_options = {
        **app.jinja_options,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    app.jinja_env.code_generator_class, app.jinja_env.context_class = Generator, Context
    app.jinja_env.extend(escaped=escaped)
    app.jinja_env.globals["ui"] = Components(app.jinja_env)
