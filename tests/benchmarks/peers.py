"""The tools that speed.py times: our command, scripts on libraries, and other commands."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE, TARGET, SCALE, PERCENT = "<source>", "<target>", "<scale>", "<percent>"
OURS = "upsample"
PILLOW = "pillow"

LABELS = {
    OURS: "upsample -m tconv",
    "photo": "upsample",
    "clean": "upsample --weights clean",
    PILLOW: "Pillow resize, bicubic",
    "opencv": "OpenCV resize, cubic",
    "scipy": "scipy.ndimage.zoom, order 3",
    "scipy-planes": "scipy.ndimage.zoom, order 3, plane by plane",
    "scikit-image": "skimage.transform.rescale, order 3",
    "torch": "torch interpolate, bicubic",
    "vips": "vips resize",
    "imagemagick": "ImageMagick -resize",
}

_ARGUMENTS = "import sys\nsource, target, scale = sys.argv[1], sys.argv[2], int(sys.argv[3])\n"

_SCRIPTS = {
    PILLOW: """
from PIL import Image
picture = Image.open(source)
size = picture.width * scale, picture.height * scale
picture.resize(size, Image.Resampling.BICUBIC).save(target)
""",
    "opencv": """
import cv2
picture = cv2.imread(source)
larger = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
cv2.imwrite(target, larger)
""",
    "scipy": """
import numpy as np
from PIL import Image
from scipy import ndimage
pixels = np.asarray(Image.open(source), dtype=np.float32)
larger = ndimage.zoom(pixels, (scale, scale, 1), order=3, mode="reflect", grid_mode=True)
Image.fromarray(np.clip(np.rint(larger), 0, 255).astype(np.uint8)).save(target)
""",
    "scipy-planes": """
import numpy as np
from PIL import Image
from scipy import ndimage
pixels = np.asarray(Image.open(source), dtype=np.float32)
planes = [
    ndimage.zoom(pixels[..., channel], scale, order=3, mode="reflect", grid_mode=True)
    for channel in range(3)
]
larger = np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
Image.fromarray(larger).save(target)
""",
    "scikit-image": """
from skimage import io, transform, util
larger = transform.rescale(io.imread(source), scale, order=3, channel_axis=-1)
io.imsave(target, util.img_as_ubyte(larger), check_contrast=False)
""",
    "torch": """
import numpy as np
import torch
from PIL import Image
pixels = torch.from_numpy(np.array(Image.open(source))).permute(2, 0, 1)[None].float()
larger = torch.nn.functional.interpolate(
    pixels, scale_factor=scale, mode="bicubic", align_corners=False, antialias=False
)
larger = larger.round_().clamp_(0, 255).byte()[0].permute(1, 2, 0).contiguous()
Image.fromarray(larger.numpy()).save(target)
""",
}
_MODULES = {
    PILLOW: "PIL",
    "opencv": "cv2",
    "scipy-planes": "scipy",
    "scikit-image": "skimage",
}


def ours(*options: str) -> list[str]:
    """Return our command, by its fast method unless these options name another."""
    method = () if {"-m", "--weights"} & {*options} else ("-m", "tconv")
    return [
        *(sys.executable, "-m", "upsample_cli", SOURCE, TARGET),
        *("--scale", SCALE, "--force", *method, *options),
    ]


def command(tool: str, *options: str) -> list[str] | None:
    """Return how to call a tool, or None if it is not installed.

    Args:
        tool: One of `LABELS`.
        *options: For our command alone.
    """
    if tool == OURS:
        return ours(*options)
    if tool in ("photo", "clean"):
        return ours("--weights", tool, *options)
    if tool == "vips":
        program = shutil.which("vips")
        return (program and [program, "resize", SOURCE, TARGET, SCALE]) or None
    if tool == "imagemagick":
        program = _imagemagick()
        return (program and [program, SOURCE, "-resize", PERCENT, TARGET]) or None
    if importlib.util.find_spec(_MODULES.get(tool, tool)) is None:
        return None
    return [sys.executable, "-c", _ARGUMENTS + _SCRIPTS[tool], SOURCE, TARGET, SCALE]


def filled(command: list[str], source: Path, target: Path, scale: int) -> list[str]:
    """Return a command with its placeholders replaced."""
    places = {
        SOURCE: str(source),
        TARGET: str(target),
        SCALE: str(scale),
        PERCENT: f"{100 * scale}%",
    }
    return [places.get(word, word) for word in command]


def _imagemagick() -> str | None:
    """Return the first ImageMagick on the path; Windows has another `convert`."""
    for name in ("magick", "convert"):
        for folder in os.get_exec_path():
            program = shutil.which(name, path=folder)
            if program is None or Path(program).read_bytes()[:2] == b"#!":
                continue  # a script around it would be timed too
            version = subprocess.run([program, "-version"], capture_output=True, check=False)
            if b"ImageMagick" in version.stdout:
                return program
    return None
