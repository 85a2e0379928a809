"""How a length of time is written: about, as more digits would claim to know more."""

from django.utils.translation import ngettext

MINUTE, HOUR, DAY = 60, 3600, 86400


def say_duration(seconds: float) -> str:
    """Return such as `about 40 seconds`."""
    if seconds < 1.5 * MINUTE:
        count = max(1, round(seconds) if seconds < 10 else 5 * round(seconds / 5))
        return ngettext("about %(n)s second", "about %(n)s seconds", count) % {"n": count}
    if seconds < 1.5 * HOUR:
        count = round(seconds / MINUTE)
        return ngettext("about %(n)s minute", "about %(n)s minutes", count) % {"n": count}
    if seconds < 1.5 * DAY:
        count = round(seconds / HOUR)
        return ngettext("about %(n)s hour", "about %(n)s hours", count) % {"n": count}
    count = round(seconds / DAY)
    return ngettext("about %(n)s day", "about %(n)s days", count) % {"n": count}
