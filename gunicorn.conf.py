"""What gunicorn reads by itself at its start: a fault in the environment is said once, before any worker is there."""

from portal import settings  # noqa: F401
