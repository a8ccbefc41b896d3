"""The same small job on Celery: the least app with the same database, one prefork process.

celery --app bench.celery_app worker --pool prefork --concurrency 1
"""

import os

from celery import Celery

from bench.queue_app import app as flask_app
from bench.queue_app import small

PEER = Celery("peer", broker=os.environ["REDIS_URL"].replace("unix://", "redis+socket://"))
PEER.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@PEER.task(name="small")
def small_task(path: str) -> None:
    """With an app context of its own, as every job of ours has."""
    with flask_app.app_context():
        small(path)
