"""Every table, imported once, so that migrations and relationships know them all."""

from app.accounts.erasure import Erasure
from app.accounts.session import SignInSession
from app.accounts.token import ApiToken
from app.accounts.user import User
from app.analytics.daily_count import DailyCount
from app.api.idempotency_key import IdempotencyKey
from app.audit.entry import AuditEntry, AuditText
from app.automation.rule import Rule, RuleVersion
from app.automation.run import RuleRun
from app.events.batch import EventBatch
from app.events.checkpoint import Checkpoint, CheckpointHead
from app.events.event import Event, EventContext, EventOrigin, EventText
from app.events.integrity_run import IntegrityRun
from app.inboxes.delivery import Delivery, DeliveryFailure, DeliveryTarget
from app.inboxes.replay import Replay
from app.inboxes.setting import InboxSetting
from app.issues.comment import Comment
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import IssueLabel, Label
from app.issues.milestone import Milestone
from app.issues.subscription import Subscription
from app.issues.text_version import TextVersion
from app.issues.visit import Visit
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail
from app.periodic import Schedule
from app.projects.membership import Membership
from app.projects.project import Project
from app.restores import Restore
from app.slack.channel import SlackChannel
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection
from app.sync.link import SyncComment, SyncLink
from app.webhooks.attempt import Attempt
from app.webhooks.endpoint import Endpoint

TABLES = (
    ApiToken,
    Attempt,
    AuditEntry,
    AuditText,
    Checkpoint,
    CheckpointHead,
    Comment,
    DailyCount,
    Delivery,
    DeliveryFailure,
    DeliveryTarget,
    Endpoint,
    Erasure,
    Event,
    EventBatch,
    EventContext,
    EventOrigin,
    EventText,
    IdempotencyKey,
    InboxSetting,
    IntegrityRun,
    Issue,
    IssueAssignee,
    IssueLabel,
    Label,
    Membership,
    Milestone,
    Notification,
    OutgoingMail,
    Project,
    Rule,
    RuleRun,
    RuleVersion,
    Replay,
    Restore,
    Schedule,
    SignInSession,
    SlackChannel,
    Subscription,
    SyncArrival,
    SyncComment,
    SyncConnection,
    SyncLink,
    TextVersion,
    User,
    Visit,
)
