"""The Celery application. The web process sends tasks by name and never imports them; workers do."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("veriboard", include=["evaluation.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
