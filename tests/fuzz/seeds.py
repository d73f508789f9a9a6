"""Whole files of every kind that is read, to be damaged."""

import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import pack
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import PIL.Image
import tifffile

sys.path.insert(0, str(Path(__file__).parent.parent))  # where the tests' own modules lie
from enlargers import enlarger

from upsample_cli.images.metadata import Metadata
from upsample_cli.images.write import gif
from upsample_cli.images.write.formats import PNG_SIGNATURE
from upsample_cli.images.write.png import chunk

SAMPLES = Path(__file__).parent.parent.parent / "sample_images"


def _texture(channels: int, bits: int = 8) -> np.ndarray:
    y, x, c = np.mgrid[:20, :24, :channels]
    made = (np.sin(x / 3 + c) * np.cos(y / 4 - c) + 1) / 2 * (2**bits - 1)
    return made.astype(f"u{bits // 8}")


def _picture(mode: str) -> PIL.Image.Image:
    return PIL.Image.fromarray(_texture(4), "RGBA").convert("RGB").convert(mode)


def _saved(picture: PIL.Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _tiff(samples: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def _bmp(bits: int, compression: int, behind: bytes, data: bytes) -> bytes:
    """Return a BMP of 24x20 pixels whose header is followed by a palette or masks."""
    start = 54 + len(behind)
    head = pack("<2s6L2H6L", b"BM", 0, 0, start, 40, 24, 20, 1, bits, compression, 0, 0, 0, 0, 0)
    return head + behind + data


def pictures() -> dict[str, bytes]:
    """Return a file of every format, mode and depth, by a name with its suffix."""
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    exif.get_ifd(0x8769)[0xA002] = 24
    rgb, told = _picture("RGB"), {"exif": exif, "icc_profile": b"profile" * 30, "dpi": (300, 300)}
    beside = Metadata(b"profile" * 30, xmp=b"<x/>", text=(("Comment", "words"),))
    moving = {"save_all": True, "append_images": [_picture("L").convert("RGB"), rgb], "loop": 2}
    made = {
        "rgba.png": _saved(PIL.Image.fromarray(_texture(4)), "PNG", **told),
        "palette.png": _saved(rgb.quantize(16), "PNG", bits=4, transparency=3),
        "bits.png": _saved(_picture("1"), "PNG"),
        "moving.png": _saved(rgb, "PNG", duration=50, **moving),
        "plain.jpg": _saved(rgb, "JPEG", quality=90, comment="a comment", **told),
        "scans.jpg": _saved(rgb, "JPEG", progressive=True),
        "inks.jpg": _saved(_picture("CMYK"), "JPEG"),
        "lossy.webp": _saved(rgb, "WEBP", exif=exif),
        "exact.webp": _saved(PIL.Image.fromarray(_texture(4)), "WEBP", lossless=True),
        "moving.webp": _saved(rgb, "WEBP", duration=50, **moving),
        "plain.gif": gif.header((20, 24), 1, beside) + gif.frame(rgb, 0) + gif.TRAILER,
        "part.gif": gif.header((30, 40), 1) + gif.frame(rgb, 0) + gif.TRAILER,
        "moving.gif": _saved(rgb, "GIF", duration=50, **moving),
        "plain.tiff": _saved(rgb, "TIFF", **told),
        "lzw.tiff": _saved(rgb, "TIFF", compression="tiff_lzw"),
        "deflate.tiff": _saved(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tiff": _saved(rgb, "TIFF", compression="jpeg"),
        "deep.tiff": _tiff(_texture(3, 16), photometric="rgb", compression="zlib"),
        "apart.tiff": _tiff(
            np.moveaxis(_texture(3, 16), 2, 0), photometric="rgb", planarconfig="separate"
        ),
        "float.tiff": _tiff(_texture(1, 16)[..., 0].astype("f4") / 65535),
        "floats.tiff": _tiff(
            _texture(3, 16).astype("f4") / 65535, photometric="rgb", compression="zlib"
        ),
        "plain.bmp": _saved(rgb, "BMP"),
        "masks.bmp": _bmp(16, 6, pack("<4L", 0xF00, 0xF0, 0xF, 0xF000), bytes(range(240)) * 4),
        "runs.bmp": _bmp(4, 2, bytes(range(64)), b"\x18\x12\0\0\0\x18ABCDEFGHIJKL\0\0" * 10),
        "plain.tga": _saved(rgb, "TGA", compression="tga_rle"),
        "plain.ico": _saved(rgb, "ICO"),
        "plain.jp2": _saved(rgb, "JPEG2000"),
        "plain.ppm": _saved(rgb, "PPM"),
        "deep.ppm": b"P6\n24 20\n65535\n" + _texture(3, 16).astype(">u2").tobytes(),
        "text.ppm": b"P3\n2 2\n255\n" + b"1 2 3  4 5 6  7 8 9  10 11 12\n",
        "text.pgm": b"P2\n3 2\n65535\n1 2 3\n4 5 65535\n",
        "bits.pbm": _saved(_picture("1"), "PPM"),
    }
    for path in (SAMPLES / "text.png", SAMPLES / "flat_and_ramp.png"):
        made[path.name] = path.read_bytes()
    return made


def deep_pngs(write: Any) -> dict[str, bytes]:
    """Return PNGs of 16 bits, which need a writer of ours: a function of samples."""
    return {f"deep{channels}.png": write(_texture(channels, 16)) for channels in (1, 2, 3, 4)}


def kernels() -> dict[str, bytes]:
    """Return kernel files of every kind."""
    made = {}
    for taps, name in ((np.ones((3, 3)), "plain.npy"), (np.ones((4, 4), "f4"), "single.npy")):
        file = io.BytesIO()
        np.save(file, taps)
        made[name] = file.getvalue()
    file = io.BytesIO()
    np.savez(file, kernel=np.ones((2, 2)))
    made["plain.npz"] = file.getvalue()
    for name in ("maps.npy", "maps.npz"):
        file = io.BytesIO()
        maps = np.ones((2, 5, 6), "f4")
        np.savez_compressed(file, a=maps, b=maps) if name.endswith("z") else np.save(file, maps)
        made[name] = file.getvalue()
    shipped = sorted((Path(__file__).parent.parent.parent / "upsample_cli").rglob("*x2.npz"))
    networks = [path for path in shipped if path.name.startswith("network")]
    return made | {path.name: path.read_bytes() for path in (*networks[:1], *shipped[-3:])}


def networks() -> dict[str, bytes]:
    """Return networks that enlarge pictures, of several forms."""
    forms: list[dict[str, Any]] = [{}, {"layout": "NHWC"}, {"multiple": 4}, {"size": (12, 12)}]
    return {
        f"enlarger{number}.onnx": enlarger(**form).SerializeToString()
        for number, form in enumerate(forms)
    }


def lists() -> dict[str, bytes]:
    """Return files of results and lists of names, as they lie beside pictures."""
    made, small = {}, _saved(_picture("RGB"), "PNG")
    for suffix in (".csv", ".jsonl"):
        with TemporaryDirectory() as folder:
            Path(folder, "whole.png").write_bytes(small)
            report = Path(folder, f"rows{suffix}")
            words = ["whole.png", "out.png", "--report", str(report), "--quiet"]
            run([sys.executable, "-m", "upsample_cli", *words], check=True, cwd=folder)
            made[report.name] = report.read_bytes()
    return made | {"names.txt": b"whole.png\na/b.png\nwhole.png\n"}


def png_kinds() -> dict[str, bytes]:
    """Return a PNG of every colour type and depth, plain and interlaced, with and without tRNS."""
    kinds = [
        (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
        (4, 8), (4, 16), (6, 8), (6, 16),
    ]  # fmt: skip
    made = {}
    for colour_type, bits in kinds:
        channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
        levels = _texture(channels, 16) >> (16 - bits)
        levels[:3] = 0
        colours = _texture(3)[..., 0].ravel()[: 3 << bits].tobytes().ljust(3 << bits, b"\x77")
        clear = {0: b"\0\0", 2: bytes(6), 3: b"\0"}.get(colour_type)
        for is_interlaced in (False, True):
            for more in [None, clear] if clear else [None]:
                head = pack(">LL5B", 24, 20, bits, colour_type, 0, 0, is_interlaced)
                chunks = {b"IHDR": head, b"PLTE": colours, b"tRNS": more, b"IEND": b""}
                if colour_type != 3:
                    del chunks[b"PLTE"]
                body = b"".join(_passes(levels, bits, is_interlaced))
                chunks = {
                    **dict([*chunks.items()][:-1]),
                    b"IDAT": zlib.compress(body),
                    b"IEND": b"",
                }
                name = f"png-{colour_type}-{bits}{'i' * is_interlaced}{'t' * bool(more)}.png"
                made[name] = PNG_SIGNATURE + b"".join(
                    chunk(kind, data) for kind, data in chunks.items() if data is not None
                )
    return made


def _passes(levels: np.ndarray, bits: int, is_interlaced: bool) -> Iterator[bytes]:
    """Yield the rows of a PNG, unfiltered, of all passes."""
    steps = [
        (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]  # fmt: skip
    for top, left, down, across in steps if is_interlaced else [(0, 0, 1, 1)]:
        for row in levels[top::down, left::across]:
            if bits >= 8:
                yield b"\0" + row.astype(f">u{bits // 8}").tobytes()
            else:
                digits = (row.ravel()[:, None] >> np.arange(bits - 1, -1, -1)) & 1
                yield b"\0" + np.packbits(digits.astype(np.uint8)).tobytes()
