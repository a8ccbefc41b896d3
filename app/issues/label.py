"""Labels of a project, and labelling an issue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, delete, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk, db
from app.errors import Invalid
from app.events.action import LabelRef
from app.events.event import Actor
from app.events.issue_actions import Labeled, Unlabeled
from app.events.project_actions import LabelCreated
from app.events.recording import lock, record_event
from app.projects.project import Project

if TYPE_CHECKING:
    from app.issues.issue import Issue

COLORS = ("rose", "gold", "moss", "sky", "iris", "clay")
"""The six hues a label may have; names of the stylesheet, so that both themes stay readable."""
NAME_MAX = 50


class Label(Base):
    """A word of the project's own to sort issues by."""

    __tablename__ = "labels"

    id: Mapped[BigPk]
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    color: Mapped[str] = mapped_column(String(10))

    __table_args__ = (Index("uq_labels_name", "project_id", func.lower(name), unique=True),)

    @property
    def ref(self) -> LabelRef:
        """The label as an event names it."""
        return LabelRef(id=self.id, name=self.name, color=self.color)


class IssueLabel(Base):
    """A label on an issue. Database triggers refuse a row that no event speaks of."""

    __tablename__ = "issue_labels"

    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"), primary_key=True)
    label_id: Mapped[int] = mapped_column(BigId, ForeignKey("labels.id"), primary_key=True, index=True)


def create_label(project: Project, *, name: str, color: str, actor: Actor) -> Label:
    """A new label of the project. Raises Invalid when the name is taken or the colour is none of COLORS."""
    if color not in COLORS:
        raise Invalid(f"Choose a colour: {', '.join(COLORS)}", field="color")
    if not name or len(name) > NAME_MAX:
        raise Invalid(f"A label has a name of 1 to {NAME_MAX} characters", field="name")
    if find_labels(project, [name]):
        raise Invalid(f"There is already a label {name}", field="name")
    label = Label(project_id=project.id, name=name, color=color)
    db.session.add(label)
    db.session.flush()
    record_event(project, LabelCreated(label=label.ref), actor=actor)
    return label


def project_labels(project: Project) -> Sequence[Label]:
    """The project's labels by name."""
    query = select(Label).where(Label.project_id == project.id).order_by(func.lower(Label.name))
    return db.session.scalars(query).all()


def find_labels(project: Project, names: Sequence[str]) -> Sequence[Label]:
    """The project's labels with these names, whatever their case."""
    wanted = [name.lower() for name in names]
    query = select(Label).where(Label.project_id == project.id, func.lower(Label.name).in_(wanted))
    return db.session.scalars(query.order_by(func.lower(Label.name))).all()


def add_labels(issue: "Issue", labels: Sequence[Label], *, actor: Actor) -> None:
    """Put labels on the issue; those it has already are left out, and nothing is recorded when none is new."""
    lock(issue)
    _belong(issue, labels)
    new = tuple(label for label in labels if label.id not in _label_ids(issue))
    if new:
        record_event(issue, Labeled(labels=tuple(label.ref for label in new)), actor=actor)
        attach_labels(issue, new)


def remove_labels(issue: "Issue", labels: Sequence[Label], *, actor: Actor) -> None:
    """Take labels off the issue; those it does not have are left out."""
    lock(issue)
    on_it = _label_ids(issue)
    old = tuple(label for label in labels if label.id in on_it)
    if old:
        record_event(issue, Unlabeled(labels=tuple(label.ref for label in old)), actor=actor)
        gone = IssueLabel.label_id.in_([label.id for label in old])
        db.session.execute(delete(IssueLabel).where(IssueLabel.issue_id == issue.id, gone))


def set_labels(issue: "Issue", labels: Sequence[Label], *, actor: Actor) -> None:
    """Make these the labels of the issue: what is missing is added, what is too many is removed."""
    lock(issue)
    now = {label.id for label in labels}
    before = labels_on(issue)
    add_labels(issue, labels, actor=actor)
    remove_labels(issue, [label for label in before if label.id not in now], actor=actor)


def labels_on(issue: "Issue") -> Sequence[Label]:
    """The labels of the issue."""
    on_it = select(IssueLabel.label_id).where(IssueLabel.issue_id == issue.id)
    return db.session.scalars(select(Label).where(Label.id.in_(on_it)).order_by(Label.id)).all()


def attach_labels(issue: "Issue", labels: Sequence[Label]) -> None:
    """Write the rows; the event that says so is the caller's."""
    _belong(issue, labels)
    if labels:
        rows = [{"issue_id": issue.id, "label_id": label.id} for label in labels]
        db.session.execute(insert(IssueLabel), rows)


def _belong(issue: "Issue", labels: Sequence[Label]) -> None:
    if any(label.project_id != issue.project_id for label in labels):
        raise Invalid("A label must belong to the issue's project", field="labels")


def _label_ids(issue: "Issue") -> set[int]:
    return set(db.session.scalars(select(IssueLabel.label_id).where(IssueLabel.issue_id == issue.id)))
