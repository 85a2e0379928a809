"""What the JSON of a column may hold, for whoever types it in the admin: pages rely on it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from evaluation.contract import Protocol

WEB = ("https://", "http://")


def check_links(value: Any) -> None:
    """Raises: ValidationError."""
    links = value if isinstance(value, list) else [value]
    if not all(isinstance(link, dict) and set(link) == {"label", "url"} for link in links) or not all(
        isinstance(link["label"], str) and str(link["url"]).startswith(WEB) for link in links
    ):
        raise ValidationError(_('Give a list such as [{"label": "PyTorch", "url": "https://…"}].'))


def check_preprocessing(value: Any) -> None:
    """Raises: ValidationError."""
    try:
        Protocol.from_dict(value)
    # A fault of the input is a ValueError too.
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValidationError(_('Give an object such as {"resize": 256, "crop": 224}, or nothing.')) from error


def check_names(value: Any) -> None:
    """Raises: ValidationError."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError(_('Give a list such as ["cat", "dog"].'))
