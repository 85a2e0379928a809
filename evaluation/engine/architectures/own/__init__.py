"""Our own definitions of architectures that neither torchvision nor timm has, by the names of their published files."""

from collections.abc import Callable

from torch import nn

from evaluation.contract import InputFault
from evaluation.engine.architectures import torchvision
from evaluation.engine.architectures.own.bn_inception import BNInception
from evaluation.engine.architectures.own.fbresnet import FBResNet

IMAGENET_CLASSES = 1000


def build_plain(name: str) -> Callable[[int], nn.Module]:
    """Return the maker of torchvision's network that takes its input as the protocol makes it.

    That is what training it from nothing gives. The published weights, and what was trained on from them, were made
    for another mean and deviation, which `torchvision/…` changes to inside the network.
    """
    return lambda classes: torchvision.build(name, classes, transform_input=False)


MAKERS: dict[str, Callable[[int], nn.Module]] = {
    "bn_inception": BNInception,
    "fbresnet152": FBResNet,
    "googlenet_plain": build_plain("googlenet"),
    "inception_v3_plain": build_plain("inception_v3"),
}


def build(name: str, classes: int | None) -> nn.Module:
    """Raises: InputFault where there is no such architecture."""
    if name not in MAKERS:
        raise InputFault(f"There is no own/{name}; known are {', '.join(f'own/{known}' for known in MAKERS)}.")
    return MAKERS[name](classes or IMAGENET_CLASSES)


def list_names() -> list[str]:
    return list(MAKERS)
