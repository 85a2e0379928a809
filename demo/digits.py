"""scikit-learn's handwritten digits as image files: 1,797 grey scans of 8 × 8 pixels, ten classes.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE = 32
# Every third scan is kept for the test: 599 images.
TEST_EVERY = 3
BRIGHTEST = 16


def write_digits(folder: Path) -> None:
    """Write `folder/train/<digit>/<number>.png` and `folder/test/…`, 32 × 32 RGB."""
    digits = load_digits()
    for number, (scan, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        part = "test" if number % TEST_EVERY == 0 else "train"
        target = folder / part / str(digit) / f"{number:04}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        grey = Image.fromarray((scan / BRIGHTEST * 255).astype(np.uint8))
        grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB").save(target)


if __name__ == "__main__":
    write_digits(Path(sys.argv[1]))
