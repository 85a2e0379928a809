"""Send a message to a stranger's address, under the same guard as downloads: to a public host and nowhere else.

Standard library only. Redirects are not followed: who moves an endpoint says so here. Of the answer its status alone
is read and told, so that nobody reads another's pages through us.
"""

import contextlib
import http.client
import ssl
import time
from collections.abc import Mapping

from evaluation.fetch import FetchFault, FetchUnavailable, Limits, check_url, connect, deadline

AGENT = "Veriboard-webhook/1"


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float, allow_private: bool = False
) -> int:
    """Return the status with which the address answered.

    Raises: FetchFault where the address is at fault, FetchUnavailable where it did not answer.
    """
    limits = Limits(0, time.monotonic() + timeout_seconds, allow_private)
    parts = check_url(url, allow_private=allow_private)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    sent = {"User-Agent": AGENT, "Content-Type": "application/json", "Connection": "close", **headers}
    try:
        with contextlib.closing(connect(parts, limits)) as connection, deadline(connection, limits):
            connection.request("POST", path, body=body, headers=sent)
            return connection.getresponse().status
    except ssl.SSLCertVerificationError as error:
        raise FetchFault("The host's TLS certificate does not hold; use an address with a valid one.") from error
    except TimeoutError as error:
        raise FetchUnavailable("The address did not answer in time.") from error
    except (OSError, http.client.HTTPException) as error:
        raise FetchUnavailable(f"The address did not answer: {type(error).__name__}.") from error
