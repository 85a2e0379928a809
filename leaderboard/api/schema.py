"""What the generated schema cannot know of itself: problem objects and envelopes."""

from http import HTTPStatus
from typing import Any

from leaderboard.api.problems import CONTENT_TYPE, PHRASES

TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457), with the reasons by field.",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
    },
    "required": ["type", "title", "status", "detail"],
}
SIGNATURE = {"type": "object", "properties": {"keyid": TEXT, "sig": TEXT}, "required": ["keyid", "sig"]}
ATTESTATION = {
    "type": "object",
    "description": "A DSSE envelope: an in-toto statement and its signatures, in base64.",
    "properties": {"payloadType": TEXT, "payload": TEXT, "signatures": {"type": "array", "items": SIGNATURE}},
    "required": ["payloadType", "payload", "signatures"],
}
WRITES = ("post", "patch", "delete")
REFUSALS = (400, 403, 404, 406, 429)
ONLY_SIGNED_IN = (401,)
ONLY_WRITES = (409, 413, 415)
UPLOADS = "/api/v1/uploads/"
ONLY_UPLOADS = (412, 460, 507)


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Name in every operation the problems with which it may answer."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            refusals = list_refusals(method, is_open={} in operation["security"])
            for status in (*refusals, *(ONLY_UPLOADS if path.startswith(UPLOADS) else ())):
                operation["responses"].setdefault(str(status), describe(status))
    return result


def list_refusals(method: str, *, is_open: bool) -> tuple[int, ...]:
    return (*REFUSALS, *(() if is_open else ONLY_SIGNED_IN), *(ONLY_WRITES if method in WRITES else ()))


def describe(status: int) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": str(PHRASES.get(status) or HTTPStatus(status).phrase), "content": content}
