"""The names that the submission form proposes."""

import pytest

from evaluation.catalogue import find, names, nearest


@pytest.mark.parametrize(
    "typed", ["resnet5", "resnet-50", "ResNet50", "torchvision/resnet5", "timm/resnet-50", "resnet_50"]
)
def test_misspelt_short_name_finds_its_kin_in_every_family(typed: str) -> None:
    near = nearest(typed)
    assert "torchvision/resnet50" in near
    assert "timm/resnet50" in near
    assert len(near) == 3


def test_short_name_as_given_comes_first() -> None:
    assert nearest("resnet20")[0] == "cifar/resnet20"
    assert nearest("timm/resnet50")[0] == "timm/resnet50"
    assert nearest("inceptionv4")[0] == "timm/inception_v4"


def test_what_is_proposed_exists() -> None:
    assert all(find(name) is not None for name in nearest("no such thing", 5))
    assert set(nearest("", 2)) <= set(names())
