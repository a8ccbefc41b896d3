"""Who belongs to a project, and as what."""

from datetime import datetime
from typing import get_args

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.people import drop_streams
from app.accounts.user import User
from app.db import Base, BigId, db
from app.errors import Conflict, Invalid
from app.events.event import Actor
from app.events.project_actions import MemberAdded, MemberRemoved, MemberRoleChanged, RoleName
from app.events.recording import lock, record_event
from app.projects.project import Project


class Membership(Base):
    """One person in one project. Database triggers refuse a row that no event speaks of."""

    __tablename__ = "memberships"

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("role IN ('lead', 'member', 'viewer')", name="role"),)


def role_of(project: Project, user: User) -> RoleName | None:
    """The person's role in the project, None for a stranger."""
    query = select(Membership.role).where(Membership.project_id == project.id, Membership.user_id == user.id)
    role: RoleName | None = db.session.scalar(query)
    return role


def add_member(
    project: Project, user: User, *, role: RoleName, actor: Actor, at: datetime | None = None
) -> None:
    """Take a person into the project. Raises Conflict when they are in it, Invalid for an unknown role."""
    _check(role)
    lock(project)
    if role_of(project, user):
        raise Conflict(f"{user.name} is already in {project.name}")
    record_event(project, MemberAdded(user=user.ref, role=role), actor=actor, at=at)
    row = {"project_id": project.id, "user_id": user.id, "role": role, "created_at": at or clock.now()}
    db.session.execute(insert(Membership).values(row))


def change_role(project: Project, user: User, *, role: RoleName, actor: Actor) -> None:
    """Give a member another role. Raises Conflict when they are not in the project or are its only lead."""
    _check(role)
    lock(project)
    before = role_of(project, user)
    if before is None:
        raise Conflict(f"{user.name} is not in {project.name}")
    if before == role:
        return
    _keep_a_lead(project, user, before)
    record_event(project, MemberRoleChanged(user=user.ref, from_=before, to=role), actor=actor)
    db.session.execute(update(Membership).where(*_row_of(project, user)).values(role=role))


def remove_member(project: Project, user: User, *, actor: Actor) -> None:
    """Take a person out of the project; their open streams end. Raises Conflict as `change_role` does."""
    lock(project)
    before = role_of(project, user)
    if before is None:
        raise Conflict(f"{user.name} is not in {project.name}")
    _keep_a_lead(project, user, before)
    record_event(project, MemberRemoved(user=user.ref, role=before), actor=actor)
    db.session.execute(delete(Membership).where(*_row_of(project, user)))
    drop_streams(user)


def _check(role: str) -> None:
    if role not in get_args(RoleName):
        raise Invalid("A role is lead, member or viewer", field="role")


def _keep_a_lead(project: Project, user: User, role: RoleName) -> None:
    if role != "lead":
        return
    others = select(Membership.user_id).where(
        Membership.project_id == project.id, Membership.role == "lead", Membership.user_id != user.id
    )
    if db.session.scalar(others.limit(1)) is None:
        raise Conflict(f"{user.name} is the only lead of {project.name}; make somebody else a lead first")


def _row_of(project: Project, user: User) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Membership.project_id == project.id, Membership.user_id == user.id
