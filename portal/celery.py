"""The Celery application. The web process sends tasks by name and never imports them; workers do."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
TRANSPORT_ALIASES["filesystem"] = "portal.broker:Transport"

app = Celery("veriboard", include=["evaluation.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
