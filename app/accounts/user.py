"""The person."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigPk
from app.events.action import PersonRef, Subject
from app.events.event import Actor


class User(Base):
    """A person with an account. One an import brought in has no password and cannot sign in until claimed."""

    __tablename__ = "users"

    id: Mapped[BigPk]
    username: Mapped[str] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    imported_from: Mapped[str | None] = mapped_column(String(80), unique=True)
    """Whom an import made this person for: `github:their-login`."""
    zone: Mapped[str] = mapped_column(String(60), default="UTC")
    mails: Mapped[bool] = mapped_column(default=True)
    """False: notifications stay in the product, nothing is mailed."""
    mail_pace: Mapped[str] = mapped_column(String(10), default="at_once", server_default="at_once")
    """When they are mailed, see pace.py."""
    quiet_from: Mapped[int | None] = mapped_column(SmallInteger)
    quiet_to: Mapped[int | None] = mapped_column(SmallInteger)
    """Quiet hours, in minutes after midnight by the person's clock: no mail in between."""
    event_seq: Mapped[int] = mapped_column(default=0)
    event_head: Mapped[str | None] = mapped_column(String(64))
    feed_seq: Mapped[int] = mapped_column(default=0)
    """Rises with every notification of this person: the head of the live topic `user:ID`."""
    activity_seq: Mapped[int] = mapped_column(default=0)
    """Rises with every act of this person: the head of the live topic `person:ID`."""
    live_epoch: Mapped[int] = mapped_column(default=0)
    """Raised on sign-out everywhere, deactivation and loss of membership: older live tokens are void."""
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_users_username", func.lower(username), unique=True),
        Index("uq_users_email", func.lower(email), unique=True),
        CheckConstraint("email IS NULL OR email <> ''", name="email"),
    )

    @property
    def event_subject(self) -> Subject:
        return Subject.user

    @property
    def is_claimed(self) -> bool:
        """Whether anybody can sign in as this person."""
        return self.password_hash is not None

    @property
    def actor(self) -> Actor:
        return Actor("user", self.id)

    @property
    def ref(self) -> PersonRef:
        """The person as an event names them."""
        return PersonRef(id=self.id, username=self.username, name=self.name)
