"""What a script sends to submit, brought into the form's fields; `services.submitting.intake` checks what they hold."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import IO, Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from leaderboard.services.refusals import RequestRefused
from leaderboard.services.submitting.intake import CLAIM_PREFIX, read_request
from leaderboard.services.submitting.submissions import SubmissionRequest

TEXTS = (
    *("benchmark", "model", "architecture", "framework", "upload", "weights_url", "weights_sha256"),
    *("background", "paper_url", "code_url"),
)
OBJECTS = {"claims": '{"top1": 91.73}', "protocol": '{"resize": 256, "crop": 224}'}
# Where the form's field has another name than ours.
FORM_NAMES = {"model": "model_name"}
OUR_NAMES = {"model_name": "model", "request_key": "Idempotency-Key", "": "request"}
MAX_CHARACTERS = 5000


class BoundedJSONParser(JSONParser):
    """JSON nested no deeper than Python reads."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON body is nested too deeply.")) from error


def find_user(request: Request) -> AbstractBaseUser:
    """Return who signed in. Raises: NotAuthenticated."""
    if not request.user.is_authenticated:
        raise NotAuthenticated
    return request.user


def read_submission(request: Request) -> SubmissionRequest:
    """Return the checked request.

    Raises: ValidationError with every refusal by the name of the API's field; Repeated where it came before; KeyReused
    where another one came with its key.
    """
    if not isinstance(request.data, dict):
        raise ValidationError([_("Send an object with fields such as benchmark, model, architecture and weights.")])
    fields = read_fields(request.data) | {"request_key": request.headers.get("Idempotency-Key", "")}
    try:
        return read_request(fields, request.FILES.get("weights"), by=find_user(request))
    except RequestRefused as refused:
        raise ValidationError(name_errors(refused.errors)) from refused


def read_fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's fields; claims become one field a metric. Raises: ValidationError."""
    fields = {FORM_NAMES.get(name, name): read_text(name, data.get(name)) for name in TEXTS}
    claims, protocol = (read_object(name, data.get(name)) for name in OBJECTS)
    fields |= {CLAIM_PREFIX + read_text("claims", key): read_text("claims", write(claims[key])) for key in claims}
    fields["protocol"] = json.dumps(protocol) if protocol else ""
    return fields


def write(score: Any) -> str:
    """Return a claimed score as it was sent, "" for null, which claims nothing."""
    return "" if score is None else score if isinstance(score, str) else json.dumps(score)


def read_text(name: str, value: Any) -> str:
    """Return text that a database can hold, "" for null. Raises: ValidationError."""
    text = "" if value is None else value
    if not isinstance(text, str):
        raise ValidationError({name: [_("%(name)s is text.") % {"name": name}]})
    if len(text) > MAX_CHARACTERS:
        sentence = _("%(name)s is longer than %(n)s characters.")
        raise ValidationError({name: [sentence % {"name": name, "n": MAX_CHARACTERS}]})
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        sentence = _("%(name)s holds a null byte or half a character; type it again.")
        raise ValidationError({name: [sentence % {"name": name}]})
    return text


def read_object(name: str, value: Any) -> dict[str, Any]:
    """Return a JSON object that was sent as such or as text, {} for none. Raises: ValidationError."""
    try:
        found = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        sentence = _("%(name)s is a JSON object, such as %(example)s.")
        raise ValidationError({name: [sentence % {"name": name, "example": OBJECTS[name]}]})
    return found


def name_errors(errors: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the form's refusals by the API's fields; those of claims begin with the metric's key."""
    named: dict[str, list[str]] = defaultdict(list)
    for field, sentence in errors.items():
        key = field.removeprefix(CLAIM_PREFIX)
        if key == field:
            named[OUR_NAMES.get(field, field)].append(sentence)
        else:
            named["claims"].append(f"{key}: {sentence}")
    return named
