"""Say at once what a weights file is, from pieces of it: format, architecture, the protocol published for that."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from evaluation import catalogue, recognition
from evaluation.contract import InputFault
from evaluation.static_check import Verdict, glimpse, graphs
from evaluation.static_check.glimpse import Piece, Unseen
from evaluation.static_check.verdict import Shape
from leaderboard.sentences import gap, say

FORMATS = {"state_dict": "state dict", "safetensors": "safetensors", "onnx": "ONNX"}
FLOAT_BYTES = 4
# Where only pieces of a large file are here, its size tells as much as a form needs.
ABOUT = gettext_noop("About %(n)s parameters if they are float32, opset %(opset)s.")


@dataclass(frozen=True)
class FileCheck:
    """What the form shows beside the file. `need` are the bytes without which nothing can be said."""

    sentence: str
    is_refused: bool = False
    architectures: tuple[str, ...] = ()
    protocol: dict[str, object] = field(default_factory=dict)
    need: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, object]:
        return {**vars(self)}


def look_at(pieces: Sequence[Piece], size: int, name: str) -> FileCheck:
    """Check the file as far as the pieces show it."""
    if size > settings.MAX_WEIGHTS_BYTES:
        return FileCheck(name_limit(), is_refused=True)
    try:
        verdict = glimpse.check(pieces, size, name)
    except InputFault as fault:
        return FileCheck(say(str(fault)), is_refused=True)
    except Unseen as unseen:
        return FileCheck("", need=(unseen.begin, unseen.end))
    return describe(verdict)


def name_limit() -> str:
    mib = settings.MAX_WEIGHTS_BYTES // 2**20
    return _("The file is larger than %(mib)s MiB, the most we take.") % {"mib": mib}


def describe(verdict: Verdict) -> FileCheck:
    if verdict.format == "onnx":
        return describe_graph(verdict)
    fitting = recognition.recognise(verdict.shapes)
    if not fitting:
        return FileCheck(name_strangers(verdict))
    known = catalogue.find(fitting[0])
    protocol = {**vars(known.protocol)} if known else {}
    return FileCheck(name_fitting(fitting, verdict), architectures=fitting, protocol=protocol)


def describe_graph(verdict: Verdict) -> FileCheck:
    """Say what an ONNX graph takes and gives. Preprocessing is published nowhere: the input's size asks for it."""
    graph = verdict.graph
    own = _("An ONNX file, which carries its own architecture: leave that field empty.")
    if graph is None or not graph.inputs:
        return FileCheck(own)
    said = [own]
    if graph.layout:
        takes = _("It takes images as %(shape)s (%(layout)s) and gives %(scores)s.")
        scores = ", ".join(write_shape(each.shape) for each in graph.outputs)
        said.append(takes % {"shape": write_shape(graph.image), "layout": graph.layout, "scores": scores})
    else:
        shapes = ", ".join(write_shape(each.shape) for each in graph.inputs)
        said.append(
            _("It takes %(shapes)s, where one batch of images is fed: export it for those.") % {"shapes": shapes}
        )
    size, opset = write_count(graph.parameters or verdict.size_bytes // FLOAT_BYTES), graph.opset
    counted = _("%(n)s parameters, opset %(opset)s.") if graph.parameters else _(ABOUT)
    said.append(counted % {"n": size, "opset": opset})
    said += [_("Written by %(program)s.") % {"program": graph.producer[:60]}] if graph.producer else []
    # Nobody has published it: the size of the images asks for it, and the form shows it in its fields.
    protocol = graphs.find_protocol(graph.image) if graph.layout else None
    return FileCheck(gap().join(said), protocol={**vars(protocol)} if protocol else {})


def write_shape(shape: Shape) -> str:
    """Return such as N×3×224×224; an open side is "?"."""
    batch = ["N" if shape[0] is None else str(shape[0])] if shape else ["?"]
    return "×".join(batch + ["?" if side is None else str(side) for side in shape[1:]])


def write_count(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 10**6 else f"{count:,}"


def name_fitting(fitting: Sequence[str], verdict: Verdict) -> str:
    """Return one sentence that names the architecture, and others with the very same tensors."""
    names = {"name": fitting[0], "format": FORMATS[verdict.format]}
    if len(fitting) == 1:
        return _("This is %(name)s, as a %(format)s file.") % names
    others = ngettext(
        "This looks like %(name)s. %(n)s other has the very same tensors: %(others)s.",
        "This looks like %(name)s. %(n)s others have the very same tensors, such as %(others)s.",
        len(fitting) - 1,
    )
    shown = ", ".join(fitting[1 : 1 + recognition.SHOWN])
    return others % (names | {"n": len(fitting) - 1, "others": shown})


def name_strangers(verdict: Verdict) -> str:
    """Return one sentence for tensors that are of no known architecture."""
    if near := ", ".join(recognition.find_nearest(verdict.shapes)):
        return _("These tensors are of no architecture known here; the nearest are: %(near)s.") % {"near": near}
    return _("These tensors are of no architecture known here; export the model to ONNX, which carries its own.")
