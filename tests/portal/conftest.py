import socket
from collections.abc import Iterator

import pytest
from celery import current_app


@pytest.fixture
def unreachable_broker() -> Iterator[None]:
    """A Redis address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    before = current_app.conf.broker_url, current_app.conf.broker_write_url
    current_app.conf.update(broker_url=f"redis://127.0.0.1:{port}/0", broker_write_url=f"redis://127.0.0.1:{port}/0")
    yield
    current_app.conf.update(broker_url=before[0], broker_write_url=before[1])
