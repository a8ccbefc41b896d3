"""Who works in the demo workspace."""

from dataclasses import dataclass

from app.accounts.passwords import hash_password, make_password
from app.accounts.people import create_person
from app.accounts.user import User


@dataclass(frozen=True, slots=True)
class Character:
    """A person of the demo. The password is random, printed at the first start."""

    username: str
    name: str
    zone: str
    password: str
    password_hash: str
    admin: bool = False

    @property
    def email(self) -> str:
        return f"{self.username}@tidings.example"


CAST = (
    ("juno", "Juno Alder", "Europe/Berlin"),
    ("otis", "Otis Wren", "Europe/Lisbon"),
    ("hazel", "Hazel Quill", "Europe/Zurich"),
    ("rowan", "Rowan Pike", "Europe/London"),
    ("tansy", "Tansy Moor", "Europe/Warsaw"),
    ("bram", "Bram Sedge", "Europe/Zurich"),
    ("lark", "Lark Holloway", "America/New_York"),
)


def characters(*, cheap: bool) -> list[Character]:
    """The cast with fresh passwords, Juno, who administers, first. The hashes take about half a second."""
    made = []
    for username, name, zone in CAST:
        password = make_password()
        hashed = hash_password(password, cheap=cheap)
        made.append(Character(username, name, zone, password, hashed, admin=username == CAST[0][0]))
    return made


def enter(character: Character) -> User:
    """The account of the character."""
    return create_person(
        username=character.username,
        email=character.email,
        name=character.name,
        password_hash=character.password_hash,
        via="demo",
        actor=None,
        admin=character.admin,
        zone=character.zone,
    )
