"""Web addresses as the catalogue stores them: http and https only, so that no page ever links to anything else."""

from typing import Any

from django.core.validators import URLValidator
from django.db import models


class WebAddressField(models.URLField):  # type: ignore[type-arg]
    """A URL of at most 1,000 characters whose scheme is http or https."""

    default_validators = [URLValidator(schemes=["http", "https"])]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 1000)
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"assume_scheme": "https", **kwargs})
