"""Ways to run a network forward in float32, and the choice among them.

All compute the same function and differ in the order of their additions, that is in the last bits of a logit:

- `eager`: PyTorch as it comes, in its own memory layout. Bit for bit what the reference evaluation computes.
- `channels_last`: the same operations on the memory layout that convolutions prefer on a CPU.
- `onnxruntime`: the network exported to a graph and run by ONNX Runtime, which folds normalisations into convolutions.

A compiled forward is not among them: the compiler starts programs, which the box forbids, and needs longer to compile a
network than most evaluations take.
"""

import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import nn

from evaluation.contract import UNIVERSAL_FORWARD, ForwardMissing, InputFault

# A longer evaluation measures the candidates on its first images; a shorter one goes by what such measurements found.
MEASURED_FROM = 5_000
ROUNDS = 3
# On a GPU another memory layout is tried where the whole evaluation takes longer than so.
TRIED_FROM_SECONDS = 20
# Images by which it is told whether two forwards agree: each gives as many numbers as there are classes.
TRIED = 4
# Of the spread of the logits: what float32 sums differ by when their order changes, and far below any real mistake.
NOISE = 1e-4
# A graph is held in memory three times while it is made, and a message of its format ends at 2 GiB.
LARGEST_EXPORT = 250_000_000
OPSET = 18


@dataclass(frozen=True)
class Forward:
    """A named way from (B, 3, H, W) float32 images to (B, outputs) logits."""

    name: str
    run: Callable[[torch.Tensor], object]

    @property
    def layout(self) -> torch.memory_format:
        """Of images that need not be copied first."""
        return torch.channels_last if self.name == "channels_last" else torch.contiguous_format


class ForwardUnavailable(RuntimeError):
    """This network cannot be run in this way here. The message says why."""


@torch.inference_mode()
def choose(
    module: nn.Module, images: torch.Tensor, wanted: str, samples: int, opened: Forward | None = None
) -> Forward:
    """Return the forward that is wanted, or of the candidates the fastest that agrees with PyTorch on these images.

    `samples`: how many images are to come; the more, the more a measurement is worth. `opened`: what `open_early`
    returned. Raises: ForwardMissing where the one that is wanted by name cannot be had.
    """
    if wanted != "auto":
        try:
            return opened if opened and opened.name == wanted else open_forward(wanted, module, images)
        except ForwardUnavailable as reason:
            raise ForwardMissing(f"The forward {wanted} cannot be used here: {reason}.") from reason
    if images.device.type != "cpu":
        return choose_layout(module, images, samples, opened)
    usual, few = open_forward(UNIVERSAL_FORWARD, module, images), images[:TRIED]
    try:
        exported = opened or open_forward("onnxruntime", module, images)
        if not agree(exported.run(few), usual.run(few)):
            return usual
    # A graph that was exported and then fails is no fault of the file: PyTorch runs it.
    except (ForwardUnavailable, InputFault, MemoryError):
        return usual
    if samples < MEASURED_FROM:
        return exported
    return min((exported, usual), key=lambda forward: measure(forward, images))


def choose_layout(module: nn.Module, images: torch.Tensor, samples: int, opened: Forward | None) -> Forward:
    """Return the forward with the faster memory layout on a GPU, for batches of this size.

    In float32 it is mostly the plain one. To try the other takes seconds, as its kernels are loaded, and can win a
    fraction only of a long evaluation.
    """
    plain = opened or open_forward("eager", module, images)
    seconds = measure(plain, images)
    if seconds * samples / len(images) < TRIED_FROM_SECONDS:
        return plain
    other = open_forward("channels_last", module, images)
    try:
        if measure(other, images) < seconds:
            return other
    except torch.OutOfMemoryError:
        # It needs more memory than the one that is known to fit.
        torch.cuda.empty_cache()
    # Opened again, as it is one network, whose weights lie in one layout at a time.
    return open_forward("eager", module, images)


@torch.inference_mode()
def open_early(module: nn.Module, images: torch.Tensor, wanted: str) -> Forward | None:
    """Return the forward that the choice will want first, before there are images: any of their shape do."""
    if images.device.type == "cpu":
        module.to(memory_format=torch.channels_last)
    first = "onnxruntime" if images.device.type == "cpu" else "eager"
    try:
        return open_forward(first if wanted == "auto" else wanted, module, images)
    # The choice will say so, or do without.
    except ForwardUnavailable:
        return None


def open_forward(name: str, module: nn.Module, images: torch.Tensor) -> Forward:
    """Raises: ForwardUnavailable."""
    match name:
        case "eager":
            plain = module.to(memory_format=torch.contiguous_format)
            return Forward(name, lambda batch: plain(batch.contiguous()))
        case "channels_last":
            return Forward(name, module.to(memory_format=torch.channels_last))
        case "onnxruntime":
            return Forward(name, export(module, images))
    raise ForwardUnavailable("there is none of that name")


def export(module: nn.Module, images: torch.Tensor) -> nn.Module:
    """Return the network as a graph that ONNX Runtime runs. Raises: ForwardUnavailable."""
    if find_spec("onnxruntime") is None:
        raise ForwardUnavailable("onnxruntime is not installed")
    if images.device.type != "cpu":
        raise ForwardUnavailable("it is for the CPU")
    if sum(parameter.numel() for parameter in module.parameters()) > LARGEST_EXPORT:
        raise ForwardUnavailable("the network is too large to be exported")
    # A GPU machine may hold torch alone.
    from evaluation.engine.formats.onnx import OnnxNetwork

    graph = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                (images[:2].contiguous(),),
                graph,  # type: ignore[arg-type] # this exporter takes any file; in the box a folder holds too little
                dynamo=False,
                input_names=["images"],
                dynamic_axes={"images": {0: "batch"}},
                opset_version=OPSET,
            )
        return OnnxNetwork(graph.getvalue(), images.device)
    # The exporter and the runtime raise classes of their own for what they do not know.
    except Exception as error:
        raise ForwardUnavailable(f"it cannot be exported ({type(error).__name__})") from error


def rehearse() -> None:
    """Choose a forward for a network of no use: the first export loads what the later ones need, as does a GPU."""
    network, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2)), torch.zeros(TRIED, 3, 8, 8)
    choose(network, images, "auto", TRIED)
    if torch.cuda.is_available():
        choose(network.cuda(), images.cuda(), "auto", TRIED)


def agree(found: object, expected: object, noise: float = NOISE) -> bool:
    """Tell whether two sets of logits differ by no more than this share of their spread, or are of other shapes."""
    if not (isinstance(found, torch.Tensor) and isinstance(expected, torch.Tensor)) or found.shape != expected.shape:
        return False
    spread = float(expected.max() - expected.min())
    return bool((found - expected).abs().max() <= noise * spread)


def measure(forward: Forward, images: torch.Tensor) -> float:
    """Return the seconds of the fastest of a few rounds."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        forward.run(images)
        if images.device.type == "cuda":
            torch.cuda.synchronize(images.device)
        seconds.append(time.perf_counter() - begun)
    return min(seconds)
