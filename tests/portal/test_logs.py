"""What the log says, and what it keeps to itself."""

import json
import logging
import sys

from portal.logs import JsonFormatter


def test_traceback_tells_where_and_none_of_the_values_there() -> None:
    password = "-".join(("correct", "horse"))
    try:
        raise ConnectionRefusedError(f"no mail server for {len(password)} letters")
    except ConnectionRefusedError:
        record = logging.LogRecord("portal", logging.ERROR, __file__, 1, "not sent", None, sys.exc_info())
    line = JsonFormatter().format(record)
    exception = json.loads(line)["exception"][0]
    assert exception["exc_type"] == "ConnectionRefusedError"
    assert exception["frames"][0]["name"] == "test_traceback_tells_where_and_none_of_the_values_there"
    assert password not in line


def test_head_requests_leave_no_warning() -> None:
    assert not logging.getLogger("gunicorn.http.wsgi").isEnabledFor(logging.WARNING)
