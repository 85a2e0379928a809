"""What the predictor is fed: pixels in the run's secret order, laid out while it works on the first of them."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from evaluation.contract import Progress, Protocol
from evaluation.engine.child import Child, Tell
from evaluation.engine.dataset import Dataset
from evaluation.engine.job import EngineTrouble
from evaluation.engine.pixels import OnProgress, Order, build_pixels, keep_pixels, lay_pixels

Laying = Generator[int, None, None]


class Box:
    """The folders of a run that a child reads and writes, and what is written there of the run that left it so.

    A run that goes on finds the chunks of the attempt before, and all pixels where that came so far.
    """

    def __init__(self, work: Path, predictions: Path, pixels: Path, digest: str) -> None:
        self.predictions, self.pixels, self.digest = predictions, pixels, digest
        self.marker = work / "job.sha256"

    @property
    def is_laid(self) -> bool:
        return self.read() == f"{self.digest} laid" and self.pixels.exists()

    def read(self) -> str:
        return self.marker.read_text() if self.marker.exists() else ""

    def prepare(self) -> None:
        """Remove what another job has left."""
        if self.read().partition(" ")[0] == self.digest:
            return
        self.marker.unlink(missing_ok=True)
        # Emptied, not removed: a box that was started early is bound to the folder itself.
        for left in self.predictions.iterdir():
            left.unlink()
        self.marker.write_text(self.digest)

    def note_laid(self) -> None:
        self.marker.write_text(f"{self.digest} laid")


def lay(dataset: Dataset, protocol: Protocol, store: Path, order: Order, box: Box, tell: Tell) -> Laying:
    """Lay the pixels out as this is asked, and yield how many are there; the first time the file has its full size.

    Raises: InputFault, EngineTrouble where there is no room for them.
    """
    try:
        if not box.is_laid:
            on_progress = throttle(tell, "preparing")
            stored = keep_pixels(dataset, protocol, store, on_progress)
            if stored is None:
                build_pixels(dataset, protocol, order, box.pixels, on_progress)
                tell(Progress("preparing", message="no room to keep the decoded pixels; evaluated without the store"))
            else:
                yield from lay_pixels(stored, order, box.pixels)
            box.note_laid()
        yield len(order)
    except OSError as error:
        raise EngineTrouble(f"The pixels cannot be written: {error.strerror or error}; make room for them.") from error


@contextmanager
def feeding(child: Child, classes: int, laying: Laying) -> Iterator[None]:
    """Tell the child that the pixels are coming, and lay them out meanwhile.

    Raises: what the laying raises. After any other error the child is ended.
    """
    is_over = Event()

    def feed() -> None:
        try:
            for images in laying:
                if is_over.is_set():
                    return
                child.tell(images)
        finally:
            # Without the rest it is not to wait for ever.
            child.hang_up()

    images = next(laying)
    with ThreadPoolExecutor(1) as pool:
        child.tell(classes)
        child.tell(images)
        fed = pool.submit(feed)
        try:
            yield
        except BaseException:
            is_over.set()
            child.end()
            raise
        fed.result()


def throttle(tell: Tell, stage: str, pause: float = 0.3) -> OnProgress:
    """Return a reporter that speaks at most every `pause` seconds, and at the end."""
    spoken = [0.0]

    def report(done: int, total: int) -> None:
        if time.monotonic() - spoken[0] > pause or done == total:
            spoken[0] = time.monotonic()
            tell(Progress(stage, done, total))

    return report
