"""Make the test charts, and the pictures of README and guides, with the tool itself.

python sample_images/make.py
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
# The picture at the head of the README: shrunk first, so that the original is beside the methods.
FIGURE = (
    "compare", HERE / "chelsea.png", "--shrink", "--scale", "4", "--crop", "140,60,128,96",
    "--methods", "nearest,bicubic,tconv:kernel=uniform:kernel_size=5,tconv,network",
    "--output", HERE / "methods.png", "--force",
)  # fmt: skip
MATRIX = ("matrix", "--stride", "2", "--small", "2x2", "-o", HERE / "matrix.png", "--force")


def zone_plate(size: int = 256) -> Image.Image:
    """Return circles whose frequency grows to the limit of the grid at the edges."""
    x = np.arange(size) - (size - 1) / 2
    phase = np.pi / size * (x[:, None] ** 2 + x**2)
    return Image.fromarray(np.floor(127.5 + 127.5 * np.cos(phase) + 0.5).astype(np.uint8))


def flat_and_ramp(size: int = 256) -> Image.Image:
    """Return a flat grey over a ramp: a kernel that is not balanced shows on the first."""
    ramp = np.floor(np.linspace(16, 239, size) + 0.5)
    rows = np.where(np.arange(size)[:, None] < size // 2, 128, ramp)
    return Image.fromarray(rows.astype(np.uint8))


def text() -> Image.Image:
    """Return black words on white, in four sizes."""
    picture = Image.new("L", (256, 128), 255)
    draw, top = ImageDraw.Draw(picture), 4
    for size in (10, 14, 20, 28):
        draw.text((6, top), "Transposed convolution", font=ImageFont.load_default(size), fill=0)
        top += int(size * 1.4)
    return picture


if __name__ == "__main__":
    zone_plate().save(HERE / "zone_plate.png", optimize=True)
    flat_and_ramp().save(HERE / "flat_and_ramp.png", optimize=True)
    text().save(HERE / "text.png", optimize=True)
    for words in (FIGURE, MATRIX):
        subprocess.run([sys.executable, "-m", "upsample_cli", *words], check=True)
