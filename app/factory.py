"""The factory: the only place where everything meets. Reached through `app.create_app`."""

from typing import Any

from flask import Flask
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from app import broker, cli
from app.accounts.session import LONGEST as LONGEST_SESSION
from app.api import resources as api
from app.config import ROOT, Settings, from_environment
from app.db import db
from app.extensions import csrf, limiter, login, migrate
from app.inboxes import dispatch  # noqa: F401 - subscribes to recording
from app.site import PAGES
from app.tables import TABLES  # noqa: F401 - makes every table known
from app.web import install as install_web
from app.web.forms import form_token
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
    install_web(app)
    login.init_app(app)
    csrf.init_app(app)
    app.jinja_env.globals["csrf_token"] = form_token
    limiter.init_app(app)
    for views in PAGES:
        app.register_blueprint(views)
    api.register(app)
    cli.register(app)
    _believe_proxies(app, settings.trusted_proxies)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    settings.instance.mkdir(parents=True, exist_ok=True)
    app.extensions["settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        # the connection that was used last has its plans and pages at hand
        SQLALCHEMY_ENGINE_OPTIONS={"pool_use_lifo": True},
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
    """One web process counts in its memory; many count together in Redis.

    That library calls a unix socket by another name than everybody else.
    """
    if settings.redis_is_embedded:
        return "memory://"
    return "redis+" + settings.redis_url if settings.redis_url.startswith("unix:") else settings.redis_url


def _limits_options(settings: Settings) -> dict[str, Any]:
    if settings.redis_is_embedded:
        return {}
    return {"socket_timeout": broker.TIMEOUT_SECONDS, "socket_connect_timeout": broker.TIMEOUT_SECONDS}


def _believe_proxies(app: Flask, proxies: int) -> None:
    """Take the visitor's address, scheme and host from the headers of this many proxies before us."""
    if proxies:
        believing = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)
        app.wsgi_app = believing  # type: ignore[method-assign]
