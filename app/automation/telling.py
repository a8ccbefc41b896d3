"""Notifications that rules write, and their own: in the product, with the rule as the reason."""

from collections.abc import Collection

from sqlalchemy import insert, select, update

from app import clock
from app.accounts.user import User
from app.automation.rule import Rule
from app.db import db
from app.issues.issue import Issue
from app.notifications.notification import Notification
from app.projects.membership import Membership

REASON = "rule"


def tell(event_id: int, issue: Issue, people: Collection[User]) -> dict[int, int]:
    """Tell these people about an event of the issue; returns person -> their new head, for the live pages."""
    if not people:
        return {}
    now = clock.now()
    rows = [
        {
            "user_id": person.id,
            "event_id": event_id,
            "issue_id": issue.id,
            "project_id": issue.project_id,
            "reason": REASON,
            "created_at": now,
        }
        for person in people
    ]
    db.session.execute(insert(Notification), rows)
    heads = db.session.execute(
        update(User)
        .where(User.id.in_([person.id for person in people]))
        .values(feed_seq=User.feed_seq + 1)
        .returning(User.id, User.feed_seq)
        .execution_options(synchronize_session=False)
    )
    return {row.id: row.feed_seq for row in heads}


def concerned(rule: Rule) -> list[User]:
    """Who is told when the rule is paused: its author and the leads of its project, those who can still sign in."""
    leads = select(Membership.user_id).where(
        Membership.project_id == rule.project_id, Membership.role == "lead"
    )
    query = select(User).where(
        User.is_active, User.password_hash.is_not(None), User.id.in_(leads) | (User.id == rule.author_id)
    )
    return list(db.session.scalars(query.order_by(User.id)))
