"""ONNX graphs, run by ONNX Runtime."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from evaluation.contract import InputFault

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
ERRORS_ONLY = 4
NO_ROWS = "The ONNX model does not give a row of numbers an image; export it with the class scores as its output."


class OnnxNetwork(nn.Module):
    """(N, 3, H, W) float32 images to the graph's only output.

    A graph exported from TensorFlow takes (N, H, W, 3); one exported for a fixed batch is fed batches of that size.
    """

    def __init__(self, source: Path | bytes, device: torch.device) -> None:
        super().__init__()
        self.session = open_session(source, device)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise InputFault(
                f"The ONNX model has {len(inputs)} inputs and {len(outputs)} outputs;"
                " export it with the images as its only input and the class scores as its only output."
            )
        if inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            raise InputFault(
                f"The ONNX model takes {inputs[0].type} of {len(inputs[0].shape)} dimensions;"
                " export it for float32 images in batches (N×3×H×W)."
            )
        self.name = inputs[0].name
        # An open dimension has a name or None.
        self.shape = tuple(side if isinstance(side, int) else None for side in inputs[0].shape)
        self.is_channels_last = self.shape[3] == 3 and self.shape[1] != 3

    @property
    def device(self) -> torch.device:
        return torch.device("cuda" if CUDA in self.session.get_providers() else "cpu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        ordered = images.permute(0, 2, 3, 1) if self.is_channels_last else images
        batch = np.ascontiguousarray(ordered.cpu().numpy())
        self.check_size(batch.shape)
        count = self.shape[0] or len(batch)
        parts = [self.run(pad(batch[start : start + count], count)) for start in range(0, len(batch), count)]
        if len({part.shape[1:] for part in parts}) > 1:
            raise InputFault(NO_ROWS)
        return torch.from_numpy(np.concatenate(parts)[: len(batch)])

    def check_size(self, given: tuple[int, ...]) -> None:
        """Raises: InputFault where the graph takes images of another size than the protocol makes."""
        if any(want not in (None, have) for want, have in zip(self.shape[1:], given[1:], strict=True)):
            want, have = ("×".join(str(side or "any") for side in shape[1:]) for shape in (self.shape, given))
            raise InputFault(f"The ONNX model takes images of {want}, the protocol makes {have}; export it for those.")

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the row of each image. Raises: InputFault where the graph gives something else, MemoryError."""
        try:
            scores: object = self.session.run(None, {self.name: batch})[0]
        # The runtime raises many classes of its own; each is the graph's doing, save where memory ran out.
        except Exception as error:
            if "allocate" in str(error).lower() or "out of memory" in str(error).lower():
                raise MemoryError(str(error)) from error
            raise InputFault(f"The ONNX model cannot be run: {shorten(error)}") from error
        # A text is an array of objects, a sequence or a map is none.
        if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "iuf" or scores.ndim != 2 or not scores.size:
            raise InputFault(NO_ROWS)
        return scores


def open_session(source: Path | bytes, device: torch.device) -> onnxruntime.InferenceSession:
    """Raises: InputFault where the runtime takes no such graph."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = torch.get_num_threads()
    # Waiting threads that spin hold up the others on a machine that is busy with other work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = {CUDA: {"use_tf32": "0"}} if device.type == "cuda" else {}
    there = onnxruntime.get_available_providers()
    providers = [*((name, how) for name, how in wanted.items() if name in there), CPU]
    try:
        return onnxruntime.InferenceSession(
            str(source) if isinstance(source, Path) else source, options, providers=providers
        )
    except Exception as error:
        raise InputFault(f"The ONNX model cannot be loaded: {shorten(error)}") from error


def pad(batch: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Return the batch with its last image repeated until there are `count`."""
    missing = count - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch


def shorten(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
