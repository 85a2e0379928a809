import random

import pytest

from evaluation import catalogue
from evaluation.contract import InputFault
from evaluation.engine import architectures
from evaluation.engine.architectures.listing import describe


def test_catalogue_tells_sizes_and_protocols_of_the_installed_libraries() -> None:
    chosen = [
        "cifar/resnet110",
        "torchvision/densenet121",
        "torchvision/regnet_y_400mf",
        *random.Random(0).sample(catalogue.names(), 12),
    ]
    for name in chosen:
        row, known = describe(name), catalogue.load()[name]
        assert row is not None, name
        parameters, *protocol = row
        assert parameters == known.parameters, name
        assert protocol == list(vars(known.protocol).values()), name


@pytest.mark.parametrize("name", ["resnet50", "keras/resnet50", "cifar/resnet50", "torchvision/resnet5O", "timm/x"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(InputFault, match=name):
        architectures.build(name)


def test_catalogue_names_all_that_the_libraries_have() -> None:
    assert set(catalogue.names()) == set(architectures.list_names())
