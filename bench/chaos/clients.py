"""A submitter's script: it sends until it has an answer, with a key a submission so that none comes of it twice."""

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from demo.visitor import encode

TIMEOUT_SECONDS = 30
BOUNDARY = "storm-1d0f7c52"


class Answer(NamedTuple):
    """`status` is 0 where nobody answered."""

    status: int
    body: dict[str, Any]


class Client:
    """Calls the API at `base` and counts what it is answered."""

    def __init__(self, base: str, token: str) -> None:
        self.base, self.token = base, token
        self.answers: Counter[int] = Counter()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {"Authorization": f"Token {self.token}", **(headers or {})}
        request = urllib.request.Request(f"{self.base}{path}", data, sent)
        try:
            with self.opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                found = Answer(answer.status, json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            found = Answer(error.code, {"text": error.read().decode(errors="replace")[:500]})
        # Refused, reset, timed out, or cut off in the middle of an answer.
        except (OSError, ValueError, EOFError) as error:
            found = Answer(0, {"text": str(error)})
        self.answers[found.status] += 1
        return found

    def submit(self, key: str, fields: Mapping[str, str], weights: Path) -> str | None:
        """Return the submission's id once it is acknowledged; None where it has to be sent again."""
        body = encode(fields, {"weights": weights}, BOUNDARY)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Idempotency-Key": key}
        answer = self.call("/api/v1/submissions/", body, headers)
        if 400 <= answer.status < 500:
            raise RuntimeError(f"{key} was refused with {answer.status}: {answer.body}")
        return str(answer.body["id"]) if answer.status in (200, 201) else None

    def cancel(self, submission: str) -> bool:
        return self.call(f"/api/v1/submissions/{submission}/cancel/", b"").status == 200
