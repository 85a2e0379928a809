"""Say at once what a weights file is, from pieces of it: format, architecture, the protocol published for that."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evaluation import catalogue, recognition
from evaluation.contract import InputFault, Protocol
from evaluation.static_check import Verdict, glimpse
from evaluation.static_check.glimpse import Piece, Unseen
from leaderboard.sentences import say

FORMATS = {"state_dict": "state dict", "safetensors": "safetensors", "onnx": "ONNX"}


@dataclass(frozen=True)
class FileCheck:
    """What the form shows beside the file. `need` are the bytes without which nothing can be said."""

    sentence: str
    is_refused: bool = False
    architectures: tuple[str, ...] = ()
    # The published preprocessing: as the form takes it, and as one sentence.
    protocol: dict[str, object] = field(default_factory=dict)
    preparation: str = ""
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
        return FileCheck(_("An ONNX file, which carries its own architecture: leave that field empty."))
    fitting = recognition.recognise(verdict.shapes)
    if not fitting:
        return FileCheck(name_strangers(verdict))
    known = catalogue.find(fitting[0])
    found = FileCheck(name_fitting(fitting, verdict), architectures=fitting)
    if known is None:
        return found
    sentence = _("Published preprocessing: %(steps)s.") % {"steps": name_preparation(known.protocol)}
    return replace(found, protocol={**vars(known.protocol)}, preparation=sentence)


def name_preparation(protocol: Protocol) -> str:
    """Return the steps by which an image is prepared."""
    sizes = [_("resize %(n)s") % {"n": protocol.resize}] if protocol.resize else []
    sizes += [_("centre crop %(n)s") % {"n": protocol.crop}] if protocol.crop else []
    # An unusual mode says itself how the crop is meant.
    sizes += [protocol.crop_mode] if protocol.crop_mode != "center" else []
    steps = [*sizes, protocol.interpolation, *(f"{name} {write(getattr(protocol, name))}" for name in ("mean", "std"))]
    return ", ".join(steps)


def write(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


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
