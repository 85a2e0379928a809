"""Batches through a GPU: one is computed while the next crosses from pinned memory and the one before comes back.

The host never waits for the batch that it has just launched, only for the one two before it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import numpy as np
import numpy.typing as npt
import torch

from evaluation.engine.predictor import Predictor

Pixels = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]
# The places of the first image and of the one after the last.
Span = tuple[int, int]
Wait = Callable[[int], None]
Launch = Callable[[torch.Tensor], torch.Tensor]

# Batches that are launched before the first of them is waited for; each has a slot, and so has the one being filled.
AHEAD = 2
# Threads that copy pixels: one alone moves 6 GB/s, which a small network on a large GPU outruns.
COPIERS = 4
# Launches are recorded where they take at least this share of a batch's time.
RECORDED_SHARE = 0.1


class Slot:
    """Memory of a batch on its way there and back, and the events after which each piece may be written again."""

    def __init__(self, shape: tuple[int, ...], device: torch.device) -> None:
        self.pinned = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        self.there = torch.zeros(shape, dtype=torch.uint8, device=device)
        self.scores: torch.Tensor | None = None
        self.has_arrived, self.is_read, self.is_done = (torch.cuda.Event() for _ in range(3))
        self.count = 0

    def wait(self) -> Logits:
        """Return the logits of its batch once they are here; the next batch of this slot overwrites them."""
        self.is_done.synchronize()
        assert self.scores is not None
        logits: Logits = self.scores.numpy()[: self.count]
        return logits


class Conveyor:
    """Carries batches of (B, height, width, 3) uint8 to the predictor's GPU and their logits back.

    `sides`: height and width.
    """

    def __init__(self, predictor: Predictor, sides: tuple[int, ...]) -> None:
        self.predictor, self.way = predictor, predictor.way
        shape = (predictor.batch_size, *sides, 3)
        self.slots = [Slot(shape, predictor.device) for _ in range(AHEAD + 1)]
        self.crossing = torch.cuda.Stream(predictor.device)
        recorded = record(predictor.compute, predictor.normalise(self.slots[0].there))
        self.is_recorded, self.launch = recorded is not None, recorded or predictor.compute

    @property
    def fits(self) -> bool:
        """Tell whether the predictor still has the forward and the batch that this was made for."""
        return self.way is self.predictor.way and len(self.slots[0].there) == self.predictor.batch_size

    def carry(self, pixels: Pixels, spans: Iterable[Span], wait: Wait) -> Iterator[Logits]:
        """Yield the (B, outputs) logits of each span, good until the next is asked for.

        `spans`: none longer than a batch. `wait` returns once there are so many pixels.
        """
        running: deque[Slot] = deque()
        with ThreadPoolExecutor(COPIERS) as pool:
            for slot, (start, stop) in zip(cycle(self.slots), spans, strict=False):
                wait(stop)
                self.send(slot, pixels, start, stop, pool)
                self.compute(slot)
                running.append(slot)
                if len(running) > AHEAD:
                    yield running.popleft().wait()
            for slot in running:
                yield slot.wait()

    def send(self, slot: Slot, pixels: Pixels, start: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """Let the pixels cross, filled up with the last of them."""
        slot.has_arrived.synchronize()
        slot.count, rows = stop - start, slot.pinned.numpy()
        given, step = pixels[start:stop], -(-slot.count // COPIERS)
        parts = [slice(first, min(first + step, slot.count)) for first in range(0, slot.count, step)]
        # Arrays of the host are copied and checked with numpy: it lets go of the interpreter, and starts no threads.
        list(pool.map(lambda part: np.copyto(rows[part], given[part]), parts))
        rows[slot.count :] = rows[slot.count - 1]
        with torch.cuda.stream(self.crossing):
            self.crossing.wait_event(slot.is_read)
            slot.there.copy_(slot.pinned, non_blocking=True)
            slot.has_arrived.record(self.crossing)

    @torch.inference_mode()
    def compute(self, slot: Slot) -> None:
        """Launch the batch, and the way back of its logits."""
        here = torch.cuda.current_stream(self.predictor.device)
        here.wait_event(slot.has_arrived)
        images = self.predictor.normalise(slot.there)
        slot.is_read.record(here)
        logits = self.launch(images).float()
        if slot.scores is None:
            slot.scores = torch.empty(logits.shape, dtype=torch.float32, pin_memory=True)
        slot.scores.copy_(logits, non_blocking=True)
        slot.is_done.record(here)


class Carrier:
    """A predictor with its conveyor, which is built anew where the forward was changed, or memory ran out.

    Until there are images of unknown size, and on a CPU, there is none.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.conveyor: Conveyor | None = None
        if predictor.is_gpu and predictor.job.side is not None:
            self.build((predictor.job.side, predictor.job.side))

    def build(self, sides: tuple[int, ...]) -> Conveyor:
        while self.conveyor is None or not self.conveyor.fits:
            self.conveyor = None
            try:
                self.conveyor = Conveyor(self.predictor, sides)
            except (MemoryError, RuntimeError) as error:
                self.predictor.halve_batch(error)
        return self.conveyor

    @property
    def is_recorded(self) -> bool:
        """Tell whether the many launches of a batch were recorded as one."""
        return self.conveyor is not None and self.conveyor.is_recorded

    def carry(self, pixels: Pixels, spans: Sequence[Span], wait: Wait) -> Iterator[Logits]:
        """Yield the logits of each of these spans of the pixels, in the host's memory."""
        left = list(spans)
        while left:
            conveyor, size = self.build(pixels.shape[1:3]), self.predictor.batch_size
            batches = [(first, min(first + size, stop)) for start, stop in left for first in range(start, stop, size)]
            parts: list[Logits] = []
            try:
                for (_first, stop), logits in zip(batches, conveyor.carry(pixels, batches, wait), strict=True):
                    parts.append(logits.copy())
                    if stop == left[0][1]:
                        yield np.concatenate(parts)
                        parts = []
                        del left[0]
            except (MemoryError, RuntimeError) as error:
                # Goes on at the first span that is not whole.
                self.predictor.halve_batch(error)


@torch.inference_mode()
def record(compute: Launch, images: torch.Tensor) -> Launch | None:
    """Return the computation on the memory of these images as one launch, where many small ones take their time.

    None where they do not, and where a network cannot be recorded, as one that looks at its numbers.
    Source: CUDA graphs, in PyTorch's notes on CUDA semantics.
    """
    compute(images)
    torch.cuda.synchronize(images.device)
    begun = time.perf_counter()
    expected = compute(images)
    launched = time.perf_counter()
    torch.cuda.synchronize(images.device)
    if launched - begun < RECORDED_SHARE * (time.perf_counter() - begun):
        return None
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            output = compute(images)
        graph.replay()
        if not torch.equal(output, expected):
            return None
    # Of many kinds, one for each thing that cannot be recorded, and full memory among them.
    except RuntimeError:
        torch.cuda.empty_cache()
        return None

    def replay(given: torch.Tensor) -> torch.Tensor:
        # What was recorded reads from one place.
        assert given.data_ptr() == images.data_ptr()
        graph.replay()
        return output

    return replay
