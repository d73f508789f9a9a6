"""Make the test charts, and the picture at the head of the README, with the tool itself.

python sample_images/make.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
PANELS = {
    "nearest": ["--method", "nearest"],
    "bicubic": ["--method", "bicubic"],
    "tconv, uniform 3x3": ["--method", "tconv", "--kernel", "uniform", "--kernel-size", "3"],
    "tconv, learned": ["--method", "tconv"],
}
CROP = (150, 70, 246, 166)  # of chelsea.png
MAGNIFIED = 2  # so that single output pixels are seen
BAND = 28  # pixels of height for the words above a panel


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


def panel(folder: Path, words: str, options: list[str]) -> Image.Image:
    """Return the crop enlarged by the command, magnified, with words above."""
    source, to = folder / "crop.png", folder / "large.png"
    command = [sys.executable, "-m", "upsample_cli", str(source), str(to), "-q", "-f", *options]
    subprocess.run(command, check=True)
    with Image.open(to) as opened:
        large = opened.convert("RGB")
    shown = large.resize(
        (large.width * MAGNIFIED, large.height * MAGNIFIED), Image.Resampling.NEAREST
    )
    framed = Image.new("RGB", (shown.width, shown.height + BAND), "white")
    framed.paste(shown, (0, BAND))
    font = ImageFont.load_default(18)
    ImageDraw.Draw(framed).text((2, 2), words, font=font, fill="black")
    return framed


def figure() -> Image.Image:
    """Return the same crop by four methods, side by side."""
    with tempfile.TemporaryDirectory() as name, Image.open(HERE / "chelsea.png") as photograph:
        folder = Path(name)
        photograph.crop(CROP).save(folder / "crop.png")
        panels = [panel(folder, words, options) for words, options in PANELS.items()]
    gap = 8
    width = sum(each.width for each in panels) + gap * (len(panels) - 1)
    whole = Image.new("RGB", (width, panels[0].height), "white")
    left = 0
    for each in panels:
        whole.paste(each, (left, 0))
        left += each.width + gap
    return whole


if __name__ == "__main__":
    zone_plate().save(HERE / "zone_plate.png", optimize=True)
    flat_and_ramp().save(HERE / "flat_and_ramp.png", optimize=True)
    text().save(HERE / "text.png", optimize=True)
    figure().save(HERE / "methods.png", optimize=True)
