"""The environment that settings are read from.

What is at fault in it ends the start with one sentence that names the variable. Values are never shown: some are
secrets. An empty variable counts as one that is not set.
"""

import os
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from environs import Env, EnvError, EnvNotSetError, ValidationError, validate

Read = TypeVar("Read", bound=Callable[..., Any])
Check = Callable[[str], Any]

# gunicorn starts a process that ends with this no second time.
EXIT_HOPELESS = 3
POSITIVE = validate.Range(min=1)
NOT_NEGATIVE = validate.Range(min=0)
# Seconds or hours; longer ones are more than clocks and dates can count.
DURATION = validate.Range(min=0, max=10_000_000, min_inclusive=False)
PAUSE = validate.Range(min=0, max=10_000_000)


def refuse(variable: str, why: str) -> NoReturn:
    """End the process with one sentence."""
    print(f"The environment variable {variable} {why}; docs/operations.md describes it.", file=sys.stderr)
    raise SystemExit(EXIT_HOPELESS)


def plainly(read: Read) -> Read:
    """Let a method of Env end the process where it would raise."""

    def reader(env: "Environment", name: str, *arguments: Any, **options: Any) -> Any:
        try:
            return read(env, name, *arguments, **options)
        except EnvNotSetError:
            refuse(env.complete(name), "is needed")
        except EnvError as error:
            told = " ".join(getattr(error, "error_messages", ())).rstrip(".") or "Not valid"
            refuse(env.complete(name), f"is at fault: {told[0].lower()}{told[1:]}")

    return reader  # type: ignore[return-value]


class Environment(Env):
    """An Env that says plainly what is at fault."""

    def complete(self, name: str) -> str:
        """Return the variable's whole name."""
        return f"{self._prefix or ''}{name}"

    def _get_value(self, env_key: str, default: Any) -> Any:
        return os.environ.get(env_key, "").strip() or default


for method in ("str", "bool", "int", "float", "list", "log_level", "dj_db_url"):
    setattr(Environment, method, plainly(getattr(Env, method)))


def matching(pattern: str, wanted: str) -> Check:
    """Return a check for what must look like this as a whole."""
    return validate.Regexp(rf"(?:{pattern})\Z", re.IGNORECASE, error=f"it must be {wanted}")


def each(check: Check) -> Callable[[list[str]], None]:
    """Return a check for lists whose items must all pass."""

    def check_all(items: list[str]) -> None:
        for item in items:
            check(item)

    return check_all


def read_origin(text: str) -> str:
    return text.strip().rstrip("/")


def address_of(*schemes: str) -> Check:
    """Return a check for addresses of servers."""

    def check(value: str) -> None:
        try:
            parts = urlsplit(value)
            is_known = parts.scheme in schemes and (parts.port is None or parts.port > 0)
        except ValueError:
            is_known = False
        if not is_known or "://" not in value:
            raise ValidationError(f"it must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}")

    return check


def check_class(value: str) -> None:
    """Raises: ValidationError where no module of this name is installed."""
    module = value.rpartition(".")[0]
    try:
        is_there = bool(module) and find_spec(module) is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise ValidationError("it must be the dotted name of a class that is installed")


HOST = matching(r"\*|\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", "host names alone, without https:// or a port")
ORIGIN = matching(
    r"https?://[a-z0-9_.*\[\]-]+(:[0-9]+)?/?|https?://\[[0-9a-f:.]+\](:[0-9]+)?/?", "like https://host, without a path"
)
MAIL_HOST = matching(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]+", "the name of a host, without a port")
# How a mail server is spoken to, and its usual port.
MAIL_PORTS = {"none": 25, "starttls": 587, "tls": 465}
MAIL_ADDRESS = matching(r"[^@\r\n]+@[^@\r\n]+", "an address of mail")
# What the clients of Redis and of Celery both know.
CERTIFICATES = matching(
    r"(?!.*[?&]ssl_cert_reqs=(?!(?-i:required|optional|none)(&|\Z))).*",
    "an address whose ssl_cert_reqs is required, optional or none",
)
RATE = matching(
    r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", "like 600/min: a number a second, min, hour or day"
)


def make_folder(variable: str, path: Path) -> Path:
    """Make the folder that the variable names, where it is missing, and return it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(variable, f"names {path}, which is no folder and cannot be made one ({error.strerror})")
    if not os.access(path, os.W_OK | os.X_OK):
        refuse(variable, f"names the folder {path}, where this account may not write")
    return path
