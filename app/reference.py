"""`flask reference`: the pages of docs/reference, made from the code; `--check` fails when they are not fresh."""

from collections.abc import Iterator
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.config import ROOT
from app.events.action import text_paths
from app.events.actions import ACTIONS
from app.inboxes.registry import INBOXES

FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- Made by `flask reference` from the code. Do not edit. -->\n\n"


@click.command(short_help="Write docs/reference from the code.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when a page is not fresh.")
@with_appcontext
def reference(check: bool) -> None:
    """Write the reference of actions, inboxes and commands."""
    stale = [path for path, text in _pages(current_app) if not path.exists() or path.read_text() != text]
    if check and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise click.ClickException(f"Not fresh: {names}. Run `flask reference`.")
    for path, text in _pages(current_app):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path in stale:
            path.write_text(text)
            click.echo(f"Wrote {path.relative_to(ROOT)}")


def _pages(app: Flask) -> Iterator[tuple[Path, str]]:
    yield FOLDER / "actions.md", MADE + _actions()
    yield FOLDER / "inboxes.md", MADE + _inboxes()
    yield FOLDER / "commands.md", MADE + _commands(app)


def _actions() -> str:
    lines = [
        "# Actions\n",
        "Every event has one of these actions. Fields marked * hold personal text: the event keeps a commitment,",
        "the text stands apart and can be erased.\n",
    ]
    for subject in ("issue", "project", "user"):
        lines += [
            f"## On {'an' if subject == 'issue' else 'a'} {subject}\n",
            "| action | family | fields | what it says |",
            "|---|---|---|---|",
        ]
        for (where, name), kind in ACTIONS.items():
            if where == subject:
                personal = {path[0] for path in text_paths(kind)}
                names = [field.alias or key for key, field in kind.model_fields.items()]
                fields = ", ".join(f"`{one}`{'*' if one in personal else ''}" for one in names)
                hidden = "" if kind.shown else " Not a line of a feed."
                said = " ".join((kind.__doc__ or "").split())
                lines.append(f"| `{name}` | {kind.family.value} | {fields or 'none'} | {said}{hidden} |")
        lines.append("")
    return "\n".join(lines)


def _inboxes() -> str:
    lines = ["# Inboxes\n", "What reacts to events. Each can be switched under Admin > Event inboxes.\n"]
    lines += ["| inbox | queue | does | takes |", "|---|---|---|---|"]
    for inbox in INBOXES:
        taken = [
            f"{subject} `{name}`" for (subject, name), kind in ACTIONS.items() if inbox.takes(subject, kind)
        ]
        lines.append(
            f"| `{inbox.name}` ({inbox.title}) | {inbox.queue} | {inbox.description} | {', '.join(taken)} |"
        )
    return "\n".join([*lines, ""])


def _commands(app: Flask) -> str:
    lines = ["# Commands\n"]
    context = click.Context(click.Group("flask"), info_name="flask")
    for name in sorted(app.cli.commands):
        lines += _command(app.cli.commands[name], context)
    return "\n".join(lines)


def _command(command: click.Command, parent: click.Context) -> Iterator[str]:
    if command.hidden or command.callback is not None and command.callback.__module__.startswith("flask_"):
        return
    context = click.Context(command, info_name=command.name, parent=parent)
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _command(command.commands[name], context)
    else:
        pieces = " ".join(command.collect_usage_pieces(context))
        yield f"- `{context.command_path} {pieces}`  \n  {command.get_short_help_str(200)}"
