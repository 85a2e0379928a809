"""A network on its device with what a batch of pixels needs to go through it: a size that fits, buffers, a forward."""

import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from evaluation.contract import InputFault
from evaluation.engine.facts import describe_network
from evaluation.engine.formats import load
from evaluation.engine.forwards import (
    MEASURED_FROM,
    TRIED,
    Forward,
    agree,
    choose,
    open_early,
)
from evaluation.engine.job import Job

# On a CPU more images at once are no faster; a GPU takes a whole chunk, or half of it, … as its memory allows.
DEFAULT_BATCHES = (64, 512)
MULTIPLE = 16
CALIBRATION_BATCH = 64
# Of the spread of an image's scores: a hundred times what the order of additions explains.
MIXED = 1e-2
MIXING = (
    "The scores of an image change with the other images of its batch;"
    " export the model in evaluation mode, so that each image is scored by itself."
)
TOO_LARGE = "The ONNX model needs more memory than there is here, even for one image at a time; export a smaller one."


def choose_device(name: str) -> torch.device:
    """Raises: InputFault where the named device is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputFault("There is no CUDA device here; use --device cpu or auto.")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise unknown_device(name) from error
    # Those that PyTorch has names for and no score is computed on: meta, mps, xla …
    if device.type not in ("cpu", "cuda") or (
        device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    ):
        raise unknown_device(name)
    # There is one of it, by whatever number.
    return device if device.type == "cuda" else torch.device("cpu")


def unknown_device(name: str) -> InputFault:
    return InputFault(f"The device {name!r} is unknown; use cpu, cuda or auto.")


def set_precision(precision: str) -> None:
    """Keep TF32 off unless it is asked for: scores are float32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def normalise(
    pixels: torch.Tensor, mean: torch.Tensor, std: torch.Tensor, into: torch.Tensor | None = None
) -> torch.Tensor:
    """Return (B, 3, H, W) float32 from (B, H, W, 3) uint8, in the reference's order of operations."""
    images = pixels.permute(0, 3, 1, 2)
    # By a tensor: with a number a GPU would multiply by its reciprocal, which rounds otherwise.
    greatest = mean.new_full((), 255)
    return (images.to(torch.float32) if into is None else into.copy_(images)).div_(greatest).sub_(mean).div_(std)


class Predictor:
    """A network on its device, fed with batches; halves the batch where memory runs out.

    A batch is filled up, on a CPU to a multiple of `MULTIPLE`: from there on the libraries compute each image with the
    same operations in the same order, so that its logits are the same to the bit whatever else is in its batch. On a
    GPU the operations depend on the batch's size, so that each is filled up to all of it. Only where memory does not
    hold so many images do batches get smaller, and last bits may differ.
    """

    def __init__(self, job: Job) -> None:
        set_precision(job.precision)
        loaded = load(Path(job.weights), job.architecture, choose_device(job.device))
        self.job, self.loaded = job, loaded
        # ONNX Runtime takes its images from the host's memory and brings them to its device by itself.
        self.device = torch.device("cpu") if loaded.is_graph else loaded.device
        self.is_gpu = self.device.type == "cuda"
        if self.device.index is not None:
            torch.cuda.set_device(self.device)
        self.mean, self.std = (
            torch.tensor(values, dtype=torch.float32, device=self.device).view(1, 3, 1, 1)
            for values in (job.mean, job.std)
        )
        wanted = job.batch_size or DEFAULT_BATCHES[self.is_gpu]
        self.batch_size = fill(min(wanted, job.chunk), MULTIPLE)
        self.buffers: dict[tuple[torch.Size, torch.memory_format], torch.Tensor] = {}
        # Until one is chosen: what every device and precision can do.
        self.way = Forward("onnxruntime" if loaded.is_graph else "channels_last", loaded.module)
        self.has_choice = job.precision == "float32" and not loaded.is_graph
        self.facts: dict[str, object] = {}
        self.opened: Forward | None = None
        if job.side is not None:
            self.prepare(job.side, job.side)

    def prepare(self, height: int, width: int) -> None:
        """Do what needs the size of the images and not yet themselves."""
        self.facts = describe_network(self.loaded.module, height, width)
        if self.has_choice:
            images = torch.zeros((2, 3, height, width), device=self.device)
            self.opened = open_early(self.loaded.module, images, self.job.forward)
        if self.is_gpu:
            self.way = self.opened or self.way
            # It loads its kernels meanwhile, and memory is found to hold the batch, or not.
            self.try_batch(np.zeros((1, height, width, 3), np.uint8))

    def try_batch(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return the normalised images of these pixels, of as many as can be computed at once."""
        while True:
            try:
                images = self.upload(pixels[: self.batch_size])
                self.compute(images)
                return images
            except (MemoryError, RuntimeError) as error:
                self.halve_batch(error)

    def halve_batch(self, error: Exception) -> None:
        """Raises: the error where memory is not what it lacks, or no less can be asked for; InputFault of a graph."""
        if not is_out_of_memory(error):
            raise error
        if self.batch_size == 1:
            # What sizes a graph has is its author's doing; how large a known architecture is, is known.
            raise InputFault(TOO_LARGE) if self.loaded.is_graph else error
        self.batch_size //= 2
        self.buffers = {}
        if self.is_gpu:
            torch.cuda.empty_cache()

    def choose_forward(self, pixels: npt.NDArray[np.uint8], samples: int, wanted: str) -> None:
        """Choose how to run the network, on the first pixels of `samples`. Raises: ForwardMissing."""
        if not self.has_choice:
            return
        if self.is_gpu:
            images = self.try_batch(pixels)
        else:
            count = CALIBRATION_BATCH if samples >= MEASURED_FROM else TRIED
            images = self.upload(pixels[: min(self.batch_size, count)])
        self.way = choose(self.loaded.module, images, wanted, samples, self.opened)

    def find_fill(self, count: int) -> int:
        """Return how many images a batch of so many is filled up to."""
        return self.batch_size if self.is_gpu else fill(count, min(MULTIPLE, self.batch_size))

    def upload(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return the normalised images of one batch on the device, filled up with the last of them."""
        count = self.find_fill(len(pixels))
        if count > len(pixels):
            pixels = np.concatenate([pixels, np.broadcast_to(pixels[-1], (count - len(pixels), *pixels.shape[1:]))])
        return self.normalise(torch.from_numpy(pixels).to(self.device))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the images in a buffer that the next batch overwrites, in the forward's memory layout."""
        count, height, width, channels = pixels.shape
        return normalise(pixels, self.mean, self.std, self.lend_buffer(torch.Size((count, channels, height, width))))

    def lend_buffer(self, shape: torch.Size) -> torch.Tensor:
        """Return a float32 tensor in the forward's memory layout, the same for every batch of a shape.

        New memory costs more than what is written into it.
        """
        key = (shape, self.way.layout)
        if key not in self.buffers:
            self.buffers = {key: torch.empty(shape, device=self.device, memory_format=self.way.layout)}
        return self.buffers[key]

    @torch.inference_mode()
    def compute(self, images: torch.Tensor) -> torch.Tensor:
        """Return (B, outputs) logits, on a GPU before they are computed. Raises: InputFault."""
        half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.job.precision)
        # Cast weights are not kept for the next batch: a recording of the launches would read where they are no more.
        with torch.autocast(self.device.type, dtype=half, enabled=half is not None, cache_enabled=False):
            try:
                logits = self.way.run(images)
            except Exception as error:
                if self.is_of_size(error):
                    raise self.refuse_size(images, error) from error
                raise
            return check_rows(logits, len(images))

    def is_of_size(self, error: Exception) -> bool:
        """Tell whether the network fails for the size of the images: as it does where no numbers go through it."""
        if self.loaded.is_graph or is_out_of_memory(error) or any(name in str(error) for name in ACCELERATORS):
            return False
        return "multiply_adds" in self.facts and self.facts["multiply_adds"] is None

    def refuse_size(self, images: torch.Tensor, error: Exception) -> InputFault:
        architecture, (height, width) = self.job.architecture, images.shape[2:]
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(" .!")
        return InputFault(
            f"{architecture} takes no images of {width}×{height} ({reason}); give a protocol with the size that it was"
            " made for."
        )

    def predict(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return (N, outputs) logits of all these pixels, one batch after the other."""
        parts, start = [], 0
        while start < len(pixels):
            batch = pixels[start : start + self.batch_size]
            try:
                parts.append(self.compute(self.upload(batch))[: len(batch)])
                start += len(batch)
            except (MemoryError, RuntimeError) as error:
                self.halve_batch(error)
        if len({part.shape[1] for part in parts}) > 1:
            raise InputFault(MIXING)
        logits: npt.NDArray[np.float32] = torch.cat(parts).to("cpu", torch.float32).numpy()
        # Where memory holds one image at a time, each was alone.
        if self.loaded.is_graph and self.batch_size > 1:
            self.check_alone(pixels, logits)
        return logits

    @torch.inference_mode()
    def check_alone(self, pixels: npt.NDArray[np.uint8], logits: npt.NDArray[np.float32]) -> None:
        """Compute one of these images, any, without the others. A graph may hold what mixes the images of a batch.

        Raises: InputFault where its scores are others then.
        """
        place = random.randrange(len(pixels))
        # Twice, as some graphs that leave out sides of one leave out a batch of one.
        images = normalise(torch.from_numpy(pixels[[place, place]]), self.mean, self.std)
        alone, expected = check_rows(self.way.run(images), 2)[0], torch.from_numpy(logits[place])
        # Scores that are no numbers are refused as such.
        if expected.isfinite().all() and not agree(alone, expected, MIXED):
            raise InputFault(MIXING)


def fill(count: int, multiple: int) -> int:
    """Return the least multiple that is no less than the count."""
    return -(-count // multiple) * multiple


# What the allocators say, which have no exception class of their own on a CPU.
OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "bad_alloc")
# What fails in them says so, and is the machine's trouble.
ACCELERATORS = ("CUDA", "CUBLAS", "cuBLAS", "cuDNN", "CUDNN")


def is_out_of_memory(error: Exception) -> bool:
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(text in str(error) for text in OUT_OF_MEMORY)


def check_rows(logits: object, images: int) -> torch.Tensor:
    """Raises: InputFault where the network's output is not one row of scores an image."""
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != images:
        raise InputFault("The network does not give one row of class scores an image; it is no image classifier.")
    return logits
