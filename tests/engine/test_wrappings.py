"""Honest checkpoints come in every shape; the network in them is found, whatever a training script put around it.

Where averaged weights lie beside the raw ones, they are the network that is evaluated.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evaluation import recognition
from evaluation.contract import InputFault
from evaluation.engine.formats import load
from evaluation.static_check import check
from tests.engine.networks import make_network

ARCHITECTURE = "cifar/resnet20"
State = dict[str, torch.Tensor]
STATE: State = make_network(ARCHITECTURE, 3).state_dict()
OTHER: State = {name: tensor + 1 for name, tensor in STATE.items()}
ADAM = {
    "state": {n: {"exp_avg": torch.zeros(3), "exp_avg_sq": torch.zeros(3)} for n in range(90)},
    "param_groups": [{}],
}


def put(prefix: str, state: State = STATE) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def split_off_head(state: State) -> State:
    """Return the state as mmpretrain names it: all but the last layer in a backbone."""
    return {f"{'head' if name.startswith('linear') else 'backbone'}.{name}": each for name, each in state.items()}


WRAPPERS = """
    state_dict model model_state_dict net module model_ema state_dict_ema ema network weights params params_ema
    model_state net_state_dict student teacher backbone classifier best_model state encoder generator MODEL_STATE
"""
PREFIXES = """
    module. _orig_mod. model. net. backbone. encoder. module._orig_mod. model.module. network. base_model. student.
    _fsdp_wrapped_module. _forward_module. module.encoder_q. learner. resnet. ema_model.module. trunk. visual.
    pl_module.
"""
SHAPES: dict[str, Callable[[], Any]] = {
    **{f"in {name}": lambda name=name: {name: STATE, "epoch": 3} for name in WRAPPERS.split()},  # type: ignore[misc]
    **{f"after {prefix}": lambda prefix=prefix: put(prefix) for prefix in PREFIXES.split()},  # type: ignore[misc]
    "with its optimiser": lambda: {"model": put("module."), "optimizer": ADAM, "epoch": 3},
    "averaged beside it": lambda: {"model": OTHER, "model_ema": {**put("module."), "n_averaged": torch.tensor(5)}},
    "averaged in one dictionary": lambda: put("model.", OTHER) | put("ema_model.module."),
    "averaged at the end": lambda: {"state_dict": OTHER, "epoch": 3, "swa_state_dict": put("module.")},
    "averaged inside": lambda: {**OTHER, "ema": STATE},
    "averaged of something else": lambda: {"model": STATE, "model_ema": {"w": torch.ones(3)}},
    "averaged by torch": lambda: {**put("module."), "n_averaged": torch.tensor(5)},
    "no average kept": lambda: {"model": STATE, "model_ema": {}},
    "Lightning": lambda: {
        "state_dict": {**put("model."), "criterion.weight": torch.ones(3)},
        "optimizer_states": [ADAM],
    },
    "metrics beside it": lambda: {"state_dict": {**put("net."), "accuracy.tp": torch.zeros(1)}},
    "backbone and head": lambda: {"meta": {"CLASSES": ["a"]}, "state_dict": split_off_head(STATE)},
    "a student of another network": lambda: {"student": {"w": torch.ones(3, 3)}, "teacher": put("backbone.")},
    "three deep": lambda: {"checkpoint": {"model": {"state_dict": STATE}}},
    "numbers among them": lambda: {**STATE, "epoch": 3, "version": "1", "extra": None},
    "a tuple": lambda: (STATE, 3),
    "a list": lambda: [{"state_dict": STATE}],
    "tables by odd keys": lambda: {"state_dict": STATE, "curve": {0.5: 1, None: 2, True: 3, b"x": 4}},
    "without counters": lambda: {name: tensor for name, tensor in STATE.items() if "num_batches" not in name},
}


@pytest.mark.parametrize("name", SHAPES)
def test_network_is_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save(SHAPES[name](), path)
    shapes = check(path).shapes
    assert recognition.recognise(shapes) == (ARCHITECTURE,)
    assert recognition.find_misfit(shapes, ARCHITECTURE) == ""
    assert recognition.count_outputs(shapes, ARCHITECTURE) == 3
    loaded = load(path, ARCHITECTURE).module.state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in STATE.items() if "num_batches" not in key)


def test_what_does_not_fit_is_told_by_the_names_inside_its_wrappers(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"my_model": put("module.") | {"module.more": torch.ones(1)}, "optimizer": ADAM}, path)
    sentence = recognition.find_misfit(check(path).shapes, ARCHITECTURE)
    assert sentence.startswith(f"The file does not fit {ARCHITECTURE}: not known: more.")
    with pytest.raises(InputFault, match=f"does not fit {ARCHITECTURE}: not known: more"):
        load(path, ARCHITECTURE)


@pytest.mark.parametrize("outer", ["", "state_dict"])
def test_student_beside_a_teacher_of_its_kind_is_not_guessed_at(tmp_path: Path, outer: str) -> None:
    path, both = tmp_path / "checkpoint.pth", put("teacher.backbone.") | put("student.module.", OTHER)
    torch.save({outer: both} if outer else both, path)
    sentence = f"a student and a teacher that both fit {ARCHITECTURE}; save the one that is to be evaluated"
    assert sentence in recognition.find_misfit(check(path).shapes, ARCHITECTURE)
    with pytest.raises(InputFault, match=sentence):
        load(path, ARCHITECTURE)
