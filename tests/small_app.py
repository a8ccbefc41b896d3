"""The least app that the processes around it can run: settings, database, queues, /live/heads; no domain."""

from flask import Flask

from app.config import Settings
from app.db import db
from app.live import views
from app.worker import QUEUES, rq


def build_small_app(settings: Settings) -> Flask:
    """An app as the factory would build it, without what the house is for."""
    settings.instance.mkdir(parents=True, exist_ok=True)
    app = Flask("small")
    app.extensions["settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        RQ_CONNECTION=settings.redis_url,
        RQ_QUEUES=list(QUEUES),
        MAX_CONTENT_LENGTH=1024 * 1024,
    )
    db.init_app(app)
    rq.init_app(app)
    app.register_blueprint(views.blueprint)
    return app
