"""What stands around every page: side bar, numbers, theme. Collected before the template runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from flask import Flask, request

from app.web.reader import Reader, reader

Theme = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class NavProject:
    """A project in the side bar. `open_issues` is None where the number is not worth a query."""

    key: str
    name: str
    open_issues: int | None = None
    managed: bool = False
    """The viewer may change its settings."""


@dataclass(frozen=True, slots=True)
class NavView:
    """A saved view in the side bar."""

    name: str
    href: str
    icon: str = "star"


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything the layouts need to know."""

    viewer: Reader | None = None
    """Who reads; None for a visitor. Templates use `.name` and `.username`."""
    projects: Sequence[NavProject] = ()
    """Those the viewer may see, at most a dozen, the latest used first."""
    project: NavProject | None = None
    """The project the page belongs to."""
    views: Sequence[NavView] = ()
    unread: int = 0
    """Unread notifications."""
    failed_inboxes: int = 0
    """Deliveries that failed for good and wait for an administrator."""
    failed_head: int = 0
    """The number their live topic has reached."""
    is_admin: bool = False
    live_token: str | None = None
    """Signed token for the topics of the page (and the viewer's own); None: the page is not live."""
    keys: bool = True
    """False when the viewer switched the single-key shortcuts off."""
    theme: Theme = "system"
    """From the cookie `theme`; filled in here, whatever the provider says."""
    path: str = field(default="/")
    """The path of the page, to mark the current link; filled in here too."""


Provider = Callable[[object | None, Sequence[str]], Shell]
"""`provider(place, topics)`: the page's project, as the view gave it to render, and its live topics."""

_provider: list[Provider] = []


def register(provider: Provider) -> None:
    """Say how to collect the shell. Called once by the domain; few cheap queries are fine, one is better."""
    _provider[:] = [provider]


def make(*, place: object | None = None, topics: Sequence[str] = ()) -> Shell:
    """The shell of the page in hand."""
    if _provider:
        shell = _provider[0](place, topics)
    else:
        who = reader()
        shell = Shell(viewer=who if who.signed_in else None, is_admin=who.is_admin)
    return replace(shell, theme=theme(), path=request.path)


def bare() -> Shell:
    """A shell that asks nobody: for error pages, when even the database may be gone."""
    return Shell(viewer=None, theme=theme(), path=request.path)


def theme() -> Theme:
    """The theme the reader chose."""
    match request.cookies.get("theme"):
        case "light":
            return "light"
        case "dark":
            return "dark"
        case _:
            return "system"


def install(app: Flask) -> None:
    """Templates may ask whether a link leads to the page they are on."""
    app.jinja_env.globals["current_path"] = lambda: request.path
