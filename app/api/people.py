"""People, and the owner of the token."""

from typing import cast

from flask import Response, current_app

from app.accounts.directory import people_page
from app.accounts.token import Scope
from app.accounts.user import User
from app.api.blueprint import blueprint, tag
from app.api.entry import caller
from app.api.idempotency import answer
from app.api.parameters import Listing
from app.api.shapes import Me, People, PersonShape, TokenShape
from app.web.paging import encode_cursor

TAGS = tag("People", "Who there is.")


@blueprint.get("/me", tags=TAGS, summary="The owner of this token", responses={200: Me})
def me() -> Response:
    """Whom this token acts for, and what it may do."""
    one = caller()
    token = TokenShape(
        title=one.token.title,
        scope=cast(Scope, one.token.scope),
        hint=one.token.hint,
        expires_at=one.token.expires_at,
    )
    return answer(
        Me(
            username=one.owner.username,
            name=one.owner.name,
            email=one.owner.email,
            is_admin=one.owner.is_admin,
            zone=one.owner.zone,
            url=url_of(one.owner.username),
            token=token,
        )
    )


@blueprint.get("/people", tags=TAGS, summary="People, by username", responses={200: People})
def people(query: Listing) -> Response:
    """Everybody whose account is open, people brought in by an import included."""
    place = query.place(str)
    rows = people_page(after=place[0] if place else None, limit=query.limit + 1)
    shown = rows[: query.limit]
    more = encode_cursor(shown[-1].username) if len(rows) > query.limit else None
    return answer(People(items=[person_shape(user) for user in shown], next_cursor=more))


def person_shape(user: User) -> PersonShape:
    """A person as others see them."""
    return PersonShape(
        username=user.username,
        name=user.name,
        is_admin=user.is_admin,
        is_active=user.is_active,
        imported=user.imported_from is not None and not user.is_claimed,
        url=url_of(user.username),
    )


def url_of(username: str) -> str:
    """The person's page."""
    return f"{current_app.extensions['settings'].base_url}/people/{username}"
