"""The architecture of what is submitted: known, and fitting the file; told from the file where none is given."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from evaluation import catalogue, recognition
from evaluation.static_check import Verdict
from leaderboard.models import Benchmark
from leaderboard.sentences import say
from leaderboard.services.refusals import Refusals
from leaderboard.services.submitting import file_checks
from leaderboard.services.submitting.files import CheckedFile

CHOICES_SHOWN = 4


@dataclass(frozen=True)
class Architecture:
    """The architecture to evaluate, and whether it was told from the file."""

    name: str
    is_recognised: bool = False


def read_architecture(name: str, file: CheckedFile, refusals: Refusals) -> Architecture:
    """An ONNX file carries its own graph; every other file needs a known architecture that its tensors fit."""
    verdict = file.verdict
    is_onnx = verdict is not None and verdict.format == "onnx"
    if not name and is_onnx:
        return Architecture("")
    if not name:
        # A file that is refused already tells nothing of what it is.
        return Architecture("") if file.is_refused else recognise(verdict, refusals)
    if catalogue.find(name) is None:
        near = ", ".join(catalogue.nearest(name)) or "torchvision/resnet50"
        refusals.add(
            "architecture",
            _("Unknown architecture “%(name)s”; the nearest are: %(near)s.") % {"name": name[:100], "near": near},
        )
    elif verdict is not None and not is_onnx and (misfit := recognition.find_misfit(verdict.shapes, name)):
        refusals.add("architecture", say(misfit))
    return Architecture(name)


def recognise(verdict: Verdict | None, refusals: Refusals) -> Architecture:
    """Return the one architecture whose tensors the file holds; which of several is meant is never guessed."""
    if verdict is None:
        refusals.add(
            "architecture",
            _("Give the architecture, such as torchvision/resnet50; only ONNX files carry their own."),
        )
        return Architecture("")
    fitting = recognition.recognise(verdict.shapes)
    if len(fitting) == 1:
        return Architecture(fitting[0], is_recognised=True)
    refusals.add("architecture", name_choice(fitting) if fitting else file_checks.name_strangers(verdict))
    return Architecture("")


def name_choice(fitting: Sequence[str]) -> str:
    shown, rest = ", ".join(fitting[:CHOICES_SHOWN]), len(fitting) - CHOICES_SHOWN
    if rest > 0:
        return _("The file fits %(names)s and %(n)s more alike; give the one that it was trained as.") % {
            "names": shown,
            "n": rest,
        }
    return _("The file fits %(names)s alike; give the one that it was trained as.") % {"names": shown}


def count_outputs(verdict: Verdict | None, architecture: str) -> int | None:
    """Return how many scores the network gives an image, None where the file does not tell."""
    if verdict is None:
        return None
    return verdict.graph.classes if verdict.graph else recognition.count_outputs(verdict.shapes, architecture)


def check_outputs(
    file: CheckedFile, architecture: str, benchmark: Benchmark | None, background: str, refusals: Refusals
) -> None:
    """Refuse a last layer that has not one output for each class of the benchmark."""
    classes = benchmark.split.classes if benchmark else None
    outputs = count_outputs(file.verdict, architecture)
    if not classes or not outputs or outputs == classes + (background == "first"):
        return
    counts = {"outputs": outputs, "classes": classes}
    if outputs == classes + 1:
        refusals.add(
            "background",
            _("The network has %(outputs)s outputs for %(classes)s classes: say that the first one is background.")
            % counts,
        )
    else:
        refusals.add(
            "weights",
            _("The network has %(outputs)s outputs where the benchmark has %(classes)s classes.") % counts,
        )
