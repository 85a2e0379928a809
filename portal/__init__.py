"""The composition root: settings, addresses, Celery application, health."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
