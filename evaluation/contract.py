"""What the portal and the engine say to each other: an EvaluationSpec goes in, an EvaluationReport comes out.

Standard library only. Both sides exchange these as JSON with a `schema_version`; nothing else crosses the line.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

SCHEMA_VERSION = 1

# Exit statuses of `python -m evaluation.engine`; the last is said to workers alone, which give such a run back.
EXIT_DONE, EXIT_OUR_FAULT, EXIT_INPUT_FAULT, EXIT_LACKING = 0, 1, 2, 3
# The forward that every device computes, whatever is installed beside PyTorch.
UNIVERSAL_FORWARD = "channels_last"

PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
# How a network is run; see evaluation.engine.forwards. All are float32 and differ in the last bits.
FORWARDS = ("auto", "eager", "channels_last", "onnxruntime")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
# How the crop gets its square, in timm's words: from the middle, after both sides were scaled, or with a border around.
CROP_MODES = ("center", "squash", "border")
# Where the extra output of a head with one class too many sits: TensorFlow slim puts "background" first.
BACKGROUNDS = ("none", "first")
# Predictions are kept in chunks of so many images: what a killed predictor loses at most.
CHUNK_IMAGES = 512


class ForwardMissing(RuntimeError):
    """This machine cannot compute the forward that is asked for; another one may. The message is one plain sentence."""


# Sentences that name an architecture's first differences are the longest.
MAX_SENTENCE = 1_000


class InputFault(ValueError):
    """The submitter's file or arguments are at fault. The message is one plain sentence: what is wrong, how to mend."""

    def __init__(self, message: str) -> None:
        # It quotes names from strangers' files: no terminal or log is to obey what stands in them, nor drown in it.
        super().__init__("".join(letter if letter.isprintable() else "�" for letter in message[:MAX_SENTENCE]))


def as_tuples(data: dict[str, Any]) -> dict[str, Any]:
    """Return the object with its lists as tuples, as JSON knows no tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def check_kinds(spec: Any) -> None:
    """Raises: InputFault where a field holds what its annotation does not allow: JSON holds anything."""
    for name, kind in get_type_hints(type(spec)).items():
        value = getattr(spec, name)
        if not is_kind(value, kind):
            wanted = kind.__name__ if isinstance(kind, type) else kind
            raise InputFault(f"{name} in the spec must be {wanted}, not {json.dumps(value, default=str)[:80]}.")
        if isinstance(value, str) and not can_be_name(value):
            raise InputFault(f"{name} in the spec holds a null byte or half a character; write it again.")


def check_keys(name: str, data: dict[str, Any], kind: Any) -> None:
    """Raises: InputFault where parsed JSON has a key that the dataclass has not."""
    known = kind.__dataclass_fields__
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise InputFault(f"The {name} has an unknown key {unknown[0]!r}; known are {', '.join(known)}.")


def find_file(data: dict[str, Any], name: str, kind: Any) -> dict[str, Any]:
    """Return what a spec says of its weights or dataset. Raises: InputFault."""
    found = data.pop(name, None)
    if not isinstance(found, dict) or "path" not in found:
        raise InputFault(f'This is no evaluation spec: it lacks "{name}": {{"path": …}}.')
    check_keys(name, found, kind)
    return found


def can_be_name(text: str) -> bool:
    """Tell whether a system takes the text as a file's name, or as an argument: JSON holds what none does."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def is_kind(value: Any, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(is_kind(value, each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        # As many as there are, where it is of any length.
        kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis and isinstance(value, tuple) else kinds
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(is_kind, value, kinds))
    # A bool is an int to Python, and is no number of pixels.
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


@dataclass(frozen=True)
class Protocol:
    """Preprocessing of one image, as the reference implementation does it.

    `resize`: the side's length in pixels, None for no resize; of the shorter side, with `crop_mode` squash of both (the
    shape changes), with border of the longer one. `crop`: side of the centre crop in pixels, None for the whole image.
    What is smaller than the crop is surrounded with black, with `crop_mode` border with the mean colour. `mean`, `std`:
    per RGB channel, on pixel values scaled to 0–1.
    """

    resize: int | None = None
    crop: int | None = None
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    crop_mode: str = "center"

    def __post_init__(self) -> None:
        for name in ("resize", "crop"):
            side = getattr(self, name)
            if side is not None and not (is_kind(side, int) and 1 <= side <= 4096):
                raise InputFault(f"{name} must be a whole number of pixels from 1 to 4096, not {side!r}.")
        if self.interpolation not in INTERPOLATIONS:
            raise InputFault(
                f"interpolation {self.interpolation!r} is unknown; use one of {', '.join(INTERPOLATIONS)}."
            )
        if self.crop_mode not in CROP_MODES:
            raise InputFault(f"crop_mode {self.crop_mode!r} is unknown; use one of {', '.join(CROP_MODES)}.")
        if self.crop_mode != "center" and self.resize is None:
            raise InputFault(f"crop_mode {self.crop_mode} needs a resize: it says which side that is the length of.")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if (
                not isinstance(values, tuple)
                or len(values) != 3
                or not all(is_kind(v, int | float) and -10 <= v <= 10 for v in values)
            ):
                raise InputFault(f"{name} must be three numbers, one a colour channel, such as 0.485,0.456,0.406.")
            object.__setattr__(self, name, tuple(float(v) for v in values))
        if min(self.std) <= 0:
            raise InputFault("std must be three numbers above 0.")

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return what parsed JSON says. Raises: InputFault, naming the key that is unknown or the value that is off."""
        if not isinstance(data, dict):
            raise InputFault('The protocol is a JSON object such as {"resize": 256, "crop": 224}.')
        check_keys("protocol", data, cls)
        return cls(**as_tuples(data))


@dataclass(frozen=True)
class WeightsSpec:
    """One weights file. `architecture` is None only for a file that carries its own graph (ONNX)."""

    path: str
    architecture: str | None = None
    sha256: str | None = None
    background: str = "none"

    def __post_init__(self) -> None:
        check_kinds(self)


@dataclass(frozen=True)
class DatasetSpec:
    """An image folder (`class/…/image`), or a `.tar`/`.tar.gz` of one. `digest` is checked before anything starts."""

    path: str
    digest: str | None = None
    labels: str | None = None

    def __post_init__(self) -> None:
        check_kinds(self)


@dataclass(frozen=True)
class EvaluationSpec:
    """One evaluation. `protocol` None: the architecture's published one. `order_seed` keeps sample order secret."""

    weights: WeightsSpec
    dataset: DatasetSpec
    protocol: Protocol | None = None
    metrics: tuple[str, ...] = ("top1", "top5")
    device: str = "auto"
    precision: str = "float32"
    forward: str = "auto"
    batch_size: int | None = None
    order_seed: int = 0
    # The positions of the secret order, from the first up to the second, that are one part of a larger evaluation.
    samples: tuple[int, int] | None = None
    chunk: int = CHUNK_IMAGES
    # The command that isolates the predicting process is put before it; empty means a plain child process.
    box: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.schema_version != SCHEMA_VERSION:
            raise InputFault(
                f"This engine reads schema_version {SCHEMA_VERSION}, the file has {self.schema_version!r}."
            )
        if self.precision not in PRECISIONS:
            raise InputFault(f"precision {self.precision!r} is unknown; use one of {', '.join(PRECISIONS)}.")
        if self.forward not in FORWARDS:
            # Where a newer portal pinned it, another worker may know it.
            raise ForwardMissing(f"The forward {self.forward} is unknown here; known are {', '.join(FORWARDS)}.")
        if self.forward != "auto" and self.precision != "float32":
            raise InputFault("A forward is chosen for float32 only; leave it at auto for another precision.")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputFault("batch size must be 1 or more.")
        if self.chunk < 1:
            raise InputFault("chunk must be 1 or more.")
        if self.order_seed < 0:
            raise InputFault("order_seed must be 0 or more.")
        if self.samples is not None and not (len(self.samples) == 2 and 0 <= self.samples[0] < self.samples[1]):
            raise InputFault(f"samples must be two positions such as [0, 512], not {list(self.samples)}.")
        if self.weights.background not in BACKGROUNDS:
            raise InputFault(f"background {self.weights.background!r} is unknown; use one of {', '.join(BACKGROUNDS)}.")

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises: InputFault where the text is no such spec."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise InputFault("This is no evaluation spec: it holds no JSON object.")
            check_keys("spec", data, cls)
            protocol = data.pop("protocol", None)
            return cls(
                weights=WeightsSpec(**find_file(data, "weights", WeightsSpec)),
                dataset=DatasetSpec(**find_file(data, "dataset", DatasetSpec)),
                protocol=Protocol.from_dict(protocol) if protocol is not None else None,
                **as_tuples(data),
            )
        except InputFault:
            raise
        except (ValueError, RecursionError) as error:
            raise InputFault(f"This is no evaluation spec: {error}.") from error


@dataclass(frozen=True)
class Score:
    """One metric's value with its 95 % interval, both in the metric's unit (percent, 0–100)."""

    value: float
    low: float
    high: float
    correct: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class EvaluationReport:
    """The record of one evaluation.

    `weights`: sha256 of the file, format, architecture, parameters, content_sha256 (of the tensors, whatever they are
    called and stored in), multiply_adds of one image where known. `dataset`: samples, classes, digest (`sha256:…`) of
    the files, pixels_digest of what the networks see. `environment`: versions, device, precision, box, peak memory.
    `timing`: images_per_second, seconds by stage. `evidence`: its size, and the digest of the predictions.
    `analysis`: derived from the predictions: per-class accuracy, confusion pairs, calibration error, near ties.
    Of a part `dataset` says which positions, and there are no metrics, no evidence and no analysis.
    """

    metrics: dict[str, Score]
    weights: dict[str, Any]
    dataset: dict[str, Any]
    protocol: dict[str, Any]
    environment: dict[str, Any]
    timing: dict[str, Any]
    evidence: dict[str, Any] = field(default_factory=dict)
    analysis: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises: ValueError where the text is no such report."""
        data = json.loads(text)
        if data.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"report has schema_version {data.get('schema_version')!r}, expected {SCHEMA_VERSION}")
        return cls(metrics={key: Score(**score) for key, score in data.pop("metrics").items()}, **data)


@dataclass(frozen=True)
class Progress:
    """One line of JSON on the engine's standard output while it works."""

    stage: str  # preparing, loading, predicting, scoring
    done: int = 0
    total: int = 0
    message: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self | None:
        """Return None where the line is no progress, e.g. a library's print."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None
