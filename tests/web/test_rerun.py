"""The command that a result's page shows repeats just that evaluation."""

import shlex

import pytest

from evaluation.contract import CROP_MODES, Protocol
from evaluation.engine.cli import build_parser
from evaluation.engine.commands import read_protocol
from leaderboard.views.outcomes import write_options

PROTOCOLS = [
    Protocol(),
    Protocol(crop=32),
    Protocol(256, 224, "bicubic", (128 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3),
    *(Protocol(300, 288, "lanczos", crop_mode=mode) for mode in CROP_MODES),
]


@pytest.mark.parametrize("architecture", ["torchvision/resnet50", "timm/dm_nfnet_f0", "cifar/resnet20"])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
def test_command_says_the_protocol_whatever_the_architecture_publishes(protocol: Protocol, architecture: str) -> None:
    stored = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(protocol).items()}
    options = shlex.split(" ".join(write_options(stored, architecture)))
    given = ["evaluate", "--dataset", "d", "--weights", "w", "--architecture", architecture, *options]
    found = read_protocol(build_parser().parse_args(given))
    assert found is not None
    # Without a resize there is nothing to interpolate.
    kept = {"interpolation": found.interpolation} if protocol.resize is None else {}
    assert vars(found) == vars(protocol) | kept
