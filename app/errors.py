"""What may go wrong by the rules of the house: a text fit for a person, and the HTTP status it means."""


class DomainError(Exception):
    """A refusal. Nothing has been changed when it is raised, and nothing may be committed after it."""

    status = 400
    code = "refused"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(DomainError):
    """The thing does not exist, or the reader may not know that it does."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "There is nothing here, or you may not see it.") -> None:
        super().__init__(message)


class Forbidden(DomainError):
    """The reader may see the thing and may not do this with it."""

    status = 403
    code = "forbidden"


class Conflict(DomainError):
    """The thing has moved on, so that this step is not possible any more."""

    status = 409
    code = "conflict"


class Invalid(DomainError):
    """A field that cannot be accepted; `field` names it."""

    status = 422
    code = "invalid"
