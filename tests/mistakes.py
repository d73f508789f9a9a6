"""Print what the command line says to mistakes: python tests/mistakes.py > FILE."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import PIL.Image

TEXTS = Path(__file__).with_suffix(".txt")
"""Each mistake as a line that begins with `$ upsample`, and below it what is printed for it."""


def write_files(folder: Path) -> None:
    """Write what the mistakes are made with."""
    picture = PIL.Image.fromarray(np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3))
    picture.save(folder / "in.png")
    picture.save(folder / "there.png")
    picture.convert("RGBA").resize((8, 8)).save(folder / "clear.png")
    PIL.Image.fromarray(np.full((8, 8, 4), 99, np.uint8)).save(folder / "half.png")
    data = (folder / "in.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    (folder / "text.png").write_text("text")
    (folder / "empty.png").touch()
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    (folder / "full").mkdir()
    picture.save(folder / "full" / "a.png")
    (folder / "void").mkdir()
    (folder / "names").write_text("in.png\nno.png\n")
    np.save(folder / "maps.npy", np.ones((2, 4, 4), np.float32))
    np.save(folder / "taps.npy", np.full((3, 3), 4 / 9))
    np.save(folder / "words.npy", np.array(["a"]))
    np.save(folder / "weights.npy", np.ones((2, 2, 4, 4), np.float32))
    for name in ("fake.npy", "fake.npz", "fake.onnx", "fake.safetensors", "model.pt"):
        (folder / name).write_text("text")


def mistakes() -> list[tuple[str, str]]:
    """Return each mistake and what was printed for it."""
    parts = TEXTS.read_text().split("$ upsample ")[1:]
    return [(words, shown) for words, _, shown in (part.partition("\n") for part in parts)]


def printed(words: str, folder: Path) -> str:
    """Return what the command line prints for a mistake, without the name of the folder."""
    command = [sys.executable, "-m", "upsample_cli", *shlex.split(words)]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"}
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return f"{run.stderr}{run.stdout}({run.returncode})\n"


def main() -> None:
    """Print the texts anew, for the mistakes that are listed."""
    for words, _ in mistakes():
        with tempfile.TemporaryDirectory() as name:
            write_files(Path(name))
            print(f"$ upsample {words}\n{printed(words, Path(name))}", end="")


if __name__ == "__main__":
    main()
