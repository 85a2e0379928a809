"""The broker of files: messages that several processes send and take at once arrive whole, and once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SENDERS, TAKERS, MESSAGES = 2, 3, 400
# All processes bind the queue in the same moment. A taker ends with the first word that is no number.
CODE = """
import sys, time
from kombu import Connection
folder, role, *words = sys.argv[1:]
options = dict.fromkeys(("data_folder_in", "data_folder_out"), folder + "/messages")
options["control_folder"] = folder + "/control"
with Connection("filesystem://", transport="portal.broker:Transport", transport_options=options) as broker:
    queue = broker.SimpleQueue("cpu")
    if role == "send":
        for word in words:
            queue.put([word, "x" * 2000])
    while role == "take":
        message = queue.channel.basic_get("cpu", no_ack=True)
        if message is None:
            time.sleep(0.001)
        elif message.payload[0] == "end":
            break
        else:
            print(message.payload[0])
"""


@pytest.fixture
def start(tmp_path: Path) -> "Callable[..., subprocess.Popen[str]]":
    for name in ("messages", "control"):
        (tmp_path / name).mkdir()

    def run(role: str, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", CODE, str(tmp_path), role, *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return run


def test_messages_of_several_processes_arrive_whole_and_once(
    start: "Callable[..., subprocess.Popen[str]]", tmp_path: Path
) -> None:
    words = [str(number) for number in range(MESSAGES)]
    takers = [start("take") for _ in range(TAKERS)]
    senders = [start("send", *words) for _ in range(SENDERS)]
    told = [sender.communicate(timeout=120) for sender in senders]
    told.append(start("send", *["end"] * TAKERS).communicate(timeout=120))
    told += [taker.communicate(timeout=120) for taker in takers]
    assert [error for _, error in told if error] == []
    assert sorted(word for output, _ in told for word in output.split()) == sorted(SENDERS * words)
    assert list((tmp_path / "messages").iterdir()) == []
