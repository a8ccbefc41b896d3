"""The factory: the only place where everything meets. Reached through `app.create_app`."""

from typing import Any

from flask import Flask
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from app import broker, cli, web
from app.accounts import heads as accounts_heads  # noqa: F401 - tells the live streams about people
from app.accounts import settings_views
from app.accounts import views as accounts_views
from app.accounts.session import LONGEST as LONGEST_SESSION
from app.admin import people as admin_people
from app.api import resources as api
from app.config import ROOT, Settings, from_environment
from app.db import db
from app.extensions import csrf, limiter, login, migrate
from app.feeds import project_list
from app.feeds import shell as feeds_shell  # noqa: F401 - says what stands around every page
from app.inboxes import dispatch  # noqa: F401 - subscribes to recording
from app.issues import label_views
from app.live import views as live_views
from app.projects import heads as projects_heads  # noqa: F401 - and about projects
from app.projects import views as projects_views
from app.tables import TABLES  # noqa: F401 - makes every table known
from app.worker import rq


def build(settings: Settings | None = None) -> Flask:
    """Build the application from the settings, by default those of the environment."""
    settings = settings or from_environment()
    app = OpenAPI(
        "app",
        **api.DESCRIPTION,
        template_folder=str(ROOT / "templates"),
        static_folder=None,
        instance_path=str(settings.instance),
    )
    _configure(app, settings)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"), render_as_batch=settings.is_sqlite)
    rq.init_app(app)
    login.init_app(app)
    web.install(app)
    csrf.init_app(app)
    limiter.init_app(app)
    app.register_blueprint(live_views.blueprint)
    api.register(app)
    for pages in (accounts_views, settings_views, admin_people, projects_views, label_views, project_list):
        app.register_blueprint(pages.blueprint)
    cli.register(app)
    _believe_proxies(app, settings.trusted_proxies)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    settings.instance.mkdir(parents=True, exist_ok=True)
    app.extensions["settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        RQ_CONNECTION=settings.redis_url,
        RQ_QUEUES=["events", "mail", "webhooks", "sync"],
        RATELIMIT_STORAGE_URI=_limits_storage(settings),
        RATELIMIT_STORAGE_OPTIONS=_limits_options(settings),
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        PERMANENT_SESSION_LIFETIME=LONGEST_SESSION,
        SESSION_REFRESH_EACH_REQUEST=False,
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        MAX_CONTENT_LENGTH=1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
    )


def _limits_storage(settings: Settings) -> str:
    """One web process counts in its memory; many count together in Redis."""
    if settings.redis_is_embedded:
        return "memory://"
    return settings.redis_url.replace("unix://", "redis+unix://", 1)


def _limits_options(settings: Settings) -> dict[str, Any]:
    if settings.redis_is_embedded:
        return {}
    return {"socket_timeout": broker.TIMEOUT_SECONDS, "socket_connect_timeout": broker.TIMEOUT_SECONDS}
    """Where the limits are counted. That library calls a unix socket by another name than everybody else."""
    if settings.redis_is_embedded:
        return "memory://"
    return "redis+" + settings.redis_url if settings.redis_url.startswith("unix:") else settings.redis_url


def _believe_proxies(app: Flask, proxies: int) -> None:
    """Take the visitor's address, scheme and host from the headers of this many proxies before us."""
    if proxies:
        believing = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)
        app.wsgi_app = believing  # type: ignore[method-assign]
