"""The web floor: pages, fragments, headers, error pages, paging, filters, Markdown; nothing of the domain."""

from flask import Flask

from app.web import components, errors, filters, requests, security, shell, static_files, toasts


def install(app: Flask) -> None:
    """Wire the floor into the app. Before the CSRF guard is bound: a request's checks come first."""
    components.install(app)
    requests.install(app)
    security.install(app)
    static_files.install(app)
    filters.install(app)
    shell.install(app)
    toasts.install(app)
    errors.install(app)
