"""Ask the workers to run something. The only place that names a Celery task.

A message is a nudge: the database says what is to be done, and reconcile repeats a nudge that got lost. So a broker
that is down delays a run and loses nothing.
"""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def nudge(run_id: int, *, queue: str = "cpu") -> None:
    """Tell the workers of `queue`, once the transaction is through, that this run waits."""
    transaction.on_commit(lambda: send(run_id, queue))


def send(run_id: int, queue: str) -> None:
    try:
        current_app.send_task("evaluation.evaluate", args=[run_id], queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("run %s: the broker did not take the nudge, reconcile will repeat it: %s", run_id, error)
