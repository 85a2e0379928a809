"""The shared cache, which readers can do without.

While Redis is away nothing is found in it and nothing is kept: pages are made anew, and requests and tried passwords
are not counted. The database holds all that must not be lost.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)
T = TypeVar("T")
AWAY = (redis.ConnectionError, redis.TimeoutError)
# Waiting longer, or trying again, would let every page wait for what it can do without.
PATIENCE = {"socket_connect_timeout": 1.0, "socket_timeout": 2.0, "retry": None}


class PatientCache(RedisCache):
    """Django's Redis cache, which answers as an empty one while Redis does not answer."""

    def ask(self, question: Callable[[], T], otherwise: T) -> T:
        try:
            return question()
        except AWAY as error:
            logger.warning("the cache does not answer: %s", error)
            return otherwise

    def add(self, *args: Any, **options: Any) -> bool:
        return self.ask(lambda: super(PatientCache, self).add(*args, **options), True)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self.ask(lambda: super(PatientCache, self).get(key, default, version), default)

    def set(self, *args: Any, **options: Any) -> None:
        self.ask(lambda: super(PatientCache, self).set(*args, **options), None)

    def touch(self, *args: Any, **options: Any) -> bool:
        return self.ask(lambda: super(PatientCache, self).touch(*args, **options), False)

    def delete(self, *args: Any, **options: Any) -> bool:
        return self.ask(lambda: super(PatientCache, self).delete(*args, **options), False)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return super().incr(key, delta, version)
        except AWAY as error:
            # What Django's caches say of a key that is not there.
            raise ValueError(f"Key {key!r} not found") from error

    def get_many(self, *args: Any, **options: Any) -> dict[Any, Any]:
        return self.ask(lambda: super(PatientCache, self).get_many(*args, **options), {})

    def has_key(self, *args: Any, **options: Any) -> bool:
        return self.ask(lambda: super(PatientCache, self).has_key(*args, **options), False)

    def set_many(self, *args: Any, **options: Any) -> list[Any]:
        return self.ask(lambda: super(PatientCache, self).set_many(*args, **options), [])

    def delete_many(self, *args: Any, **options: Any) -> None:
        self.ask(lambda: super(PatientCache, self).delete_many(*args, **options), None)
