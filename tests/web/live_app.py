"""The gallery as a web process whose feed survives a restart: app.serve --app tests.web.live_app:app."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from app.live import topics
from app.web import shell
from tests.web import gallery
from tests.web.conftest import make_app

FOLDER = Path(os.environ["GALLERY_FOLDER"])


class Kept(list[str]):
    """What was said, in a file."""

    def append(self, text: str) -> None:
        with (FOLDER / "said").open("a") as file:
            file.write(text + "\n")
        super().append(text)


def provide(place: object | None, watched: Sequence[str]) -> shell.Shell:
    token = topics.sign(None, 0, ["issue:7"])
    return dataclasses.replace(gallery.provide(place, watched), live_token=token)


gallery.said = Kept((FOLDER / "said").read_text().splitlines() if (FOLDER / "said").exists() else [])
app = make_app(FOLDER)
shell.register(provide)  # after the domain has
topics.register("issue", lambda ids: dict.fromkeys(ids, len(gallery.said)))
