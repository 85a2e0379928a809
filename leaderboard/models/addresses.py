"""Web addresses as the catalogue stores them: http and https only, so that no page ever links to anything else."""

from typing import Any

from django.core.validators import URLValidator, slug_re
from django.db import models


def is_slug(text: str) -> bool:
    """Tell whether the text can be part of an address and names something: Django takes a mere hyphen as well."""
    return slug_re.fullmatch(text) is not None and any(map(str.isalnum, text))


class WebAddressField(models.URLField):  # type: ignore[type-arg]
    """A URL of at most 1,000 characters whose scheme is http or https."""

    default_validators = [URLValidator(schemes=["http", "https"])]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 1000)
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"assume_scheme": "https", **kwargs})
