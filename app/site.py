"""Every page there is, and what the live streams may be asked about: imported once, by the factory."""

from app.accounts import heads as accounts_heads
from app.accounts import settings_views
from app.accounts import views as accounts_views
from app.admin import audit as admin_audit
from app.admin import deliveries as admin_deliveries
from app.admin import events as admin_events
from app.admin import inboxes as admin_inboxes
from app.admin import integrity as admin_integrity
from app.admin import jobs as admin_jobs
from app.admin import mail as admin_mail
from app.admin import people as admin_people
from app.admin import rules as admin_rules
from app.admin import slack as admin_slack
from app.admin import sync as admin_sync
from app.admin import system as admin_system
from app.admin import ticks
from app.admin import webhooks as admin_webhooks
from app.api import erasing as api_erasing
from app.audit import erasing as audit_erasing
from app.automation import erasing as automation_erasing
from app.automation import views as automation_views
from app.feeds import (
    bulk_views,
    event_views,
    inbox_views,
    live_heads,
    project_list,
    shell,
    unsubscribe_views,
    webhook_views,
)
from app.feeds import views as feed_views
from app.inboxes import erasing as inboxes_erasing
from app.insights import views as insights_views
from app.issues import comment_views, deletion_views, label_views, list_views, milestone_views, planning_views
from app.issues import erasing as issues_erasing
from app.issues import views as issue_views
from app.live import views as live_views
from app.notifications import erasing as notifications_erasing
from app.projects import heads as projects_heads
from app.projects import views as projects_views
from app.slack import views as slack_views
from app.sync import erasing as sync_erasing
from app.sync import hook_views, link_views, working
from app.sync import views as sync_views
from app.webhooks import erasing as webhooks_erasing
from app.webhooks import views as webhooks_views

PAGES = (
    accounts_views.blueprint,
    settings_views.blueprint,
    admin_people.blueprint,
    admin_inboxes.blueprint,
    admin_deliveries.blueprint,
    admin_events.blueprint,
    admin_jobs.blueprint,
    admin_system.blueprint,
    admin_mail.blueprint,
    admin_rules.blueprint,
    admin_slack.blueprint,
    admin_sync.blueprint,
    admin_webhooks.blueprint,
    admin_audit.blueprint,
    admin_integrity.blueprint,
    projects_views.blueprint,
    webhooks_views.blueprint,
    webhook_views.blueprint,
    project_list.blueprint,
    label_views.blueprint,
    milestone_views.blueprint,
    planning_views.bp,
    automation_views.blueprint,
    slack_views.blueprint,
    sync_views.blueprint,
    link_views.blueprint,
    hook_views.blueprint,
    list_views.bp,
    bulk_views.blueprint,
    issue_views.bp,
    comment_views.bp,
    deletion_views.blueprint,
    feed_views.bp,
    inbox_views.blueprint,
    event_views.blueprint,
    insights_views.blueprint,
    unsubscribe_views.blueprint,
    live_views.blueprint,
)
"""Every blueprint of pages."""

REGISTERED = (
    accounts_heads,
    projects_heads,
    live_heads,
    shell,
    ticks,
    working,
    issues_erasing,
    notifications_erasing,
    audit_erasing,
    automation_erasing,
    sync_erasing,
    webhooks_erasing,
    inboxes_erasing,
    api_erasing,
)
"""Modules that register themselves with the live topics, the shell and the erasing of people when they are imported."""
