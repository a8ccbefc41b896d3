"""Text somebody wrote, rendered before the transaction begins."""

from dataclasses import dataclass
from hashlib import sha256

from app.accounts.user import User

EXCERPT = 200
"""Characters of a text that an event carries, so that feeds and mails need not read the text."""


@dataclass(frozen=True, slots=True)
class WrittenText:
    """Markdown as it was written, as safe HTML, and the people it mentions who may see the project."""

    source: str
    html: str
    mentioned: tuple[User, ...] = ()

    @property
    def sha256(self) -> str:
        """What an event keeps of the text."""
        return sha256(self.source.encode()).hexdigest()


NOTHING = WrittenText("", "")


def excerpt(source: str) -> str:
    """The first words, on one line, at most EXCERPT characters."""
    line = " ".join(source.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"
