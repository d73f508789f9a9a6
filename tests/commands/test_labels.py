import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL.PngImagePlugin import PngInfo
from terminal import Outcome, check_refused, contents, run_process

from upsample_cli.images.write.formats import PNG_SIGNATURE
from upsample_cli.images.write.png import TRAILER, chunk

Call = Callable[..., Outcome]
PALETTE = bytes(range(3 * 20))


def labels(folder: Path, name: str) -> np.ndarray:
    with PIL.Image.open(folder / name) as opened:
        return np.asarray(opened)


@pytest.fixture
def masks(folder: Path) -> Path:
    """Return a folder with masks of 12x10 pixels: palette, grey, 1-bit and 16-bit grey."""
    x = np.kron(np.random.default_rng(0).integers(0, 19, (5, 6)), np.ones((2, 2))).astype("u1")
    palette = PIL.Image.frombytes("P", (12, 10), x.tobytes())
    palette.putpalette(PALETTE)
    palette.save(folder / "p.png", transparency=3, dpi=(300, 300))
    palette.save(folder / "p.tif")
    PIL.Image.fromarray(x).save(folder / "l.png")
    PIL.Image.fromarray(x > 9).save(folder / "1.png")
    PIL.Image.fromarray(x.astype(np.uint16) * 3000).save(folder / "16.png")
    return folder


@pytest.mark.parametrize("name", ["p.png", "p.tif", "l.png", "1.png", "16.png"])
@pytest.mark.parametrize("method", ["tconv", "nearest", "bicubic"])
def test_an_enlarged_mask_is_a_mask(call: Call, masks: Path, name: str, method: str) -> None:
    """Mode, palette and transparency are kept, and the output has no new label."""
    outcome = call(name, "out.png", "--labels", "-m", method, "-s", 3)
    assert (outcome.code, outcome.err) == (0, "")
    assert b"36x30" in outcome.out
    assert b"checkerboard not measured for label masks" in outcome.out
    with PIL.Image.open(masks / name) as before, PIL.Image.open(masks / "out.png") as after:
        assert after.mode == before.mode
        assert after.info.get("transparency") == before.info.get("transparency")
        if after.mode == "P":
            assert bytes(after.getpalette() or [])[:57] == PALETTE[:57]
    x, actual = labels(masks, name), labels(masks, "out.png")
    assert {*np.unique(actual).tolist()} <= {*np.unique(x).tolist()}
    np.testing.assert_array_equal(actual[1::3, 1::3], x)


def test_the_gain_of_a_kernel_does_not_change_labels(call: Call, masks: Path) -> None:
    """The gain multiplies all classes alike, so there is no note about brightness."""
    for gain in (1, 4):
        np.save(masks / f"{gain}.npy", np.full((2, 2), float(gain)))
        outcome = call("p.png", f"out{gain}.png", "--labels", "-k", f"{gain}.npy")
        assert (outcome.code, outcome.err) == (0, "")
    np.testing.assert_array_equal(labels(masks, "out4.png"), labels(masks, "out1.png"))


@pytest.mark.parametrize(("name", "is_lost"), [("p.png", True), ("p.tif", False)])
def test_lost_transparency_of_labels_is_noted(
    call: Call, masks: Path, name: str, is_lost: bool
) -> None:
    """A note is printed when the output format cannot store a mask's transparency."""
    outcome = call(name, "out.tif", "--labels")
    note = f"note: {name}: TIFF cannot hold the transparency of labels, so it was left out\n"
    assert (outcome.code, outcome.err) == (0, note if is_lost else "")


def test_a_tiff_without_labels_is_refused(call: Call, folder: Path) -> None:
    """A TIFF whose mode Pillow does not know cannot contain labels."""
    tifffile.imwrite(folder / "f.tif", np.zeros((4, 5)))
    check_refused(
        call("f.tif", "out.png", "--labels"),
        1,
        "f.tif has pixels of 1 x float32, which are not labels",
    )


def test_a_mask_with_a_long_text_chunk_is_read(call: Call, masks: Path) -> None:
    """A mask may contain an editor's history of megabytes."""
    history = PngInfo()
    history.add_text("history", "x" * (1 << 21), zip=True)
    with PIL.Image.open(masks / "p.png") as opened:
        opened.save(masks / "long.png", pnginfo=history)
    assert call("long.png", "out.png", "--labels").code == 0


def test_an_index_beyond_the_palette_is_kept(call: Call, folder: Path) -> None:
    """A palette of two colours does not reduce the labels to one bit."""
    picture = PIL.Image.frombytes("P", (4, 1), bytes([0, 1, 7, 200]))
    picture.putpalette(bytes(768))
    picture.save(folder / "all.png")
    data = (folder / "all.png").read_bytes()
    start = data.index(b"PLTE") - 4
    short_palette = b"PLTE" + bytes(6)
    chunk = struct.pack(">I", 6) + short_palette + struct.pack(">I", zlib.crc32(short_palette))
    (folder / "short.png").write_bytes(data[:start] + chunk + data[start + 12 + 768 :])
    assert labels(folder, "short.png").tolist() == [[0, 1, 7, 200]]
    assert call("short.png", "out.png", "--labels", "-m", "nearest").code == 0
    assert {*labels(folder, "out.png").ravel().tolist()} == {0, 1, 7, 200}


def test_json_has_no_checkerboard_figures_for_labels(call: Call, masks: Path) -> None:
    """The checkerboard's status is `labels`, and its figures are null."""
    line = json.loads(call("p.png", "out.png", "--labels", "--json").out)
    assert line["status"] == "done"
    assert line["checkerboard"]["status"] == "labels"
    assert line["checkerboard"]["ripple"] is None


def test_pipes_and_folders_accept_masks(masks: Path) -> None:
    """A pipe gets the same bytes as a file, and every mask of a folder is enlarged."""
    assert run_process("p.png", "out.png", "--labels", folder=masks).code == 0
    piped = run_process("-", "-", "--labels", stdin=(masks / "p.png").read_bytes())
    assert piped.out == (masks / "out.png").read_bytes()
    (masks / "in").mkdir()
    for name in ("p.png", "l.png"):
        (masks / name).rename(masks / "in" / name)
    assert run_process("in", "big", "--labels", folder=masks).code == 0
    with PIL.Image.open(masks / "big" / "p.png") as picture:
        assert (picture.mode, picture.size) == ("P", (24, 20))


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (
            ["in.png", "o.png"],
            1,
            "in.png has pixels of 3 x uint8, which are not labels; give a palette or grey",
        ),
        (["in.jpg", "o.png"], 1, "in.jpg is a JPEG, which may blur labels; give the mask as a PNG"),
        (
            ["p.png", "o.jpg"],
            1,
            "these labels are not written as JPEG; write PNG, TIFF or BMP",
        ),
        (["p.png", "o.gif"], 1, "these labels are not written as GIF; write PNG, TIFF or BMP"),
        (["p.png", "o.ppm"], 1, "these labels are not written as PPM; write PNG, TIFF or BMP"),
        (["16.png", "o.bmp"], 1, "not written as BMP; write PNG, TIFF, PPM or PGM"),
        (["p.png", "o.png", "--linear"], 2, "--linear is not for --labels; leave it out"),
        (["p.png", "o.png", "-m", "network"], 2, "is for pictures, not for labels; pass -m tconv"),
        (["p.png", "o.png", "--max-ripple", "0"], 2, "--max-ripple is not for --labels"),
        (["p.png", "o.png", "--alpha", "straight"], 2, "--alpha is not for --labels"),
        (["p.png", "o.png", "--alpha", "premultiplied"], 2, "--alpha is not for --labels"),
        (["p.npy", "o.npy"], 2, "--labels is for pictures, not for feature maps; pass -m nearest"),
        (["p.png", "o.png", "--max-pixels", "9"], 1, "p.png is 12x10, more than 9 pixels"),
    ],
)
def test_wrong_input_for_labels_is_refused(
    call: Call, masks: Path, arguments: list[str], code: int, fault: str
) -> None:
    """Colours, lossy formats and meaningless options are refused, and nothing is written."""
    PIL.Image.open(masks / "p.png").convert("L").save(masks / "in.jpg")
    before = contents(masks)
    check_refused(call(*arguments, "--labels"), code, fault)
    assert contents(masks) == before


def test_a_cut_mask_is_refused(call: Call, masks: Path) -> None:
    """A truncated PNG is reported as broken."""
    data = (masks / "p.png").read_bytes()
    (masks / "cut.png").write_bytes(data[:-12])
    check_refused(call("cut.png", "o.png", "--labels"), 1, "cut.png is damaged")
    outcome = call("-", "o.png", "--labels", stdin=data[:60])
    check_refused(outcome, 1, "the picture on stdin is damaged")


def test_a_mask_is_read_and_written_as_other_pictures(call: Call, masks: Path) -> None:
    """Texts and the transparent level of a grey mask are kept, and later pages are noted."""
    texts = PngInfo()
    texts.add_text("Author", "somebody")
    with PIL.Image.open(masks / "l.png") as opened:
        opened.save(masks / "t.png", pnginfo=texts, transparency=5)
        opened.save(masks / "two.tif", save_all=True, append_images=[opened])
    outcome = call("t.png", "out.png", "--labels")
    assert (outcome.code, outcome.err) == (0, "")
    with PIL.Image.open(masks / "out.png") as after:
        assert (after.text["Author"], after.info["transparency"]) == ("somebody", 5)
    np.testing.assert_array_equal(labels(masks, "out.png")[::2, ::2], labels(masks, "t.png"))
    assert "only the first of its 2 pictures" in call("two.tif", "two.png", "--labels").err


def tiff_of_two(bits: int, row: bytes) -> bytes:
    """Return a TIFF of two grey pixels in one row, of 1 to 3 bytes."""
    tags = [(256, 3, 2), (257, 3, 1), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8),
            (277, 3, 1), (278, 3, 1), (279, 4, len(row))]  # fmt: skip
    entries = b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II\x2a\0" + struct.pack("<L", 12) + row.ljust(4, b"\0")
    return head + struct.pack("<H", len(tags)) + entries + bytes(4)


def png_of_two(bits: int, row: bytes, clear: int | None = None) -> bytes:
    """Return a PNG of two grey pixels in one row, of which those of level `clear` are clear."""
    return b"".join([
        PNG_SIGNATURE, chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, bits, 0, 0, 0, 0)),
        b"" if clear is None else chunk(b"tRNS", struct.pack(">H", clear)),
        chunk(b"IDAT", zlib.compress(b"\0" + row)), TRAILER,
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        (tiff_of_two(12, bytes([0x12, 0x34, 0x56])), [0x123, 0x456]),
        (tiff_of_two(4, b"\x13"), [1, 3]),
        (tiff_of_two(2, b"\x70"), [1, 3]),
        (png_of_two(4, b"\x1f"), [1, 15]),
        (png_of_two(2, b"\x60"), [1, 2]),
        (b"P2 2 1 3\n1 2\n", [1, 2]),
        (b"P5 2 1 20\n\x01\x13", [1, 19]),
        (b"P5 2 1 255\n\x01\x13", [1, 19]),
        (b"P5 2 1 1000\n\0\x01\x02\x01", [1, 513]),
        (b"P5 2 1 65535\n\0\x01\x02\x01", [1, 513]),
    ],
    ids=["TIFF 12", "TIFF 4", "TIFF 2", "PNG 4", "PNG 2", "P2 3", "P5 20", "P5 255", "P5 1000",
         "P5 65535"],
)  # fmt: skip
@pytest.mark.parametrize("output", ["out.png", "out.pgm"])
def test_labels_of_any_depth_are_not_scaled(
    call: Call, folder: Path, data: bytes, stored: list[int], output: str
) -> None:
    """A label is a number: it stays as stored, whatever number the file calls white."""
    (folder / "in").write_bytes(data)
    assert call("in", output, "--labels", "-m", "nearest").code == 0
    assert labels(folder, output).tolist() == np.repeat([stored] * 2, 2, 1).tolist()


def test_the_clear_label_of_few_bits_stays_clear(call: Call, folder: Path) -> None:
    """A grey PNG of 4 bits names one of its levels clear, and so does the enlarged mask."""
    (folder / "in.png").write_bytes(png_of_two(4, b"\x13", clear=3))
    assert call("in.png", "out.png", "--labels", "-m", "nearest").code == 0
    assert labels(folder, "out.png").tolist() == [[1, 1, 3, 3]] * 2
    with PIL.Image.open(folder / "out.png") as after:
        assert after.convert("RGBA").getchannel("A").tobytes() == b"\xff\xff\0\0" * 2
