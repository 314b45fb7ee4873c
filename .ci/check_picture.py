"""Fail unless a picture of a report shows something: text, and lines in more than one colour.

check_picture.py PICTURE.png
"""

import sys

import numpy as np
from PIL import Image


def complaint(pixels: np.ndarray) -> str | None:
    """What is wrong with a picture, shape (rows, columns, 3), or None."""
    flat = pixels.reshape(-1, 3)
    colours, counts = np.unique(flat, axis=0, return_counts=True)
    background = colours[counts.argmax()].astype(int)
    drawn = np.abs(pixels.astype(int) - background).sum(axis=2) > 60
    share = float(drawn.mean())
    if share < 0.01:
        return f"the picture is blank: {share:.2%} of it differs from its background"
    # In each third something must be drawn, or a plot did not appear.
    for third in np.array_split(drawn, 3):
        if third.mean() < 0.001:
            return "a third of the picture is blank"
    spread = colours.max(axis=1).astype(int) - colours.min(axis=1).astype(int)
    if counts[spread > 60].sum() < 200:
        return "the picture has no coloured line"
    return None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = complaint(np.asarray(Image.open(sys.argv[1]).convert("RGB")))
    if wrong:
        sys.exit(f"{sys.argv[1]}: {wrong}")
