"""Comparisons as one self-contained HTML page, or as a sheet of crops."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice
from math import isfinite, isqrt
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upsample_cli.errors import SettingError
from upsample_cli.images.figures.drawing import Pixels, ramp_colours
from upsample_cli.images.figures.pattern_figures import (
    HATCHED,
    decibel_range,
    heat_pixels,
    heat_top,
    spectrum_pixels,
    spread,
)
from upsample_cli.images.figures.small_pictures import (
    LONGEST_SIDE,
    crop_sheet,
    data_url,
    kernel_pixels,
    smaller,
)
from upsample_cli.images.levels import rounded
from upsample_cli.jobs.compare.compare import BLOCK, Comparison
from upsample_cli.jobs.compare.figures_table import Table, verdict
from upsample_cli.jobs.compare.subject import Box, Subject

_LARGEST = 7_500_000  # about the most characters of a page
_RESERVED = 1_200_000  # of these characters, kept for the whole picture, reduced
_WHOLE = 4_500_000  # pixels of all methods together, up to which the whole picture is tried
_AREA = 1_250_000  # pixels of all methods together in one view of a part
_AREAS = 4  # parts of a single picture
_QUALITY = 80  # of reduced and drawn pictures; parts of a picture are lossless
_SHEET, _SPECTRUM = 192, 256  # pixels along a side


class _Page(Template):
    delimiter = "@@"  # scripts are full of $


def page(comparisons: Sequence[Comparison], table: Table, count: int) -> bytes:
    """Return a page on `comparisons`, the first in detail; `table` is on all `count` pictures."""
    first, is_one, views = comparisons[0], count == 1, list[dict[str, Any]]()
    cards = _cards(first)
    room = _LARGEST - len(json.dumps(cards)) - (_RESERVED if is_one else 0)
    for comparison in comparisons:
        for view in _views(comparison, room // len(comparisons), is_one):
            if views and _length(view) > room:
                break
            room -= _length(view)
            views.append(view)
    if is_one and views[0]["size"] != [*reversed(first.subject.size)]:
        whole = _reduced(first)
        views += [whole] * (_length(whole) <= room + _RESERVED)
    title = first.subject.name if is_one else f"{count} pictures"
    title = f"{title}, enlarged x{first.subject.scale:.4g}"
    data = {
        "title": title, "detail": first.subject.name, "names": _names(first), "views": views,
        "subtitle": _subtitle(first.subject, len(first.methods)) if is_one
        else "Mean and worst of all pictures; the worst of them are shown below.",
        **table._asdict(), **cards,
    }  # fmt: skip
    template = _Page(Path(__file__).with_name("compare.html").read_text("utf-8"))
    # A file name may hold any text, and must not end the <script> that holds the data.
    safe = json.dumps(data).replace("<", "\\u003c")
    return template.substitute(title=escape(title), data=safe).encode("utf-8", "replace")


def _subtitle(subject: Subject, count: int) -> str:
    """Return the subtitle of a page on one picture."""
    (height, width), (height_out, width_out) = subject.image.size, subject.size
    words = f"{width} x {height} pixels to {width_out} x {height_out}, by {count} methods"
    if subject.checkerboard is None:
        return words
    ripple, stride = subject.checkerboard.ripple, subject.checkerboard.stride[0]
    return (
        f"{words}. The picture itself has a checkerboard ({ripple:.2f} levels, stride {stride}): "
        "the last row is of the repaired picture."
    )


def sheet(comparison: Comparison) -> bytes:
    """Return a PNG that shows the same part of a picture by every method."""
    box = _crop(comparison) or next(_most_different(comparison, _SHEET))
    lines = [(f"{one.psnr:.2f} dB, " if isfinite(one.psnr) else "")
             + f"checkerboard {verdict([one])}" for one in comparison.scores]  # fmt: skip
    panels = zip(_names(comparison), [*lines, ""], _parts(comparison, box), strict=False)
    icc = comparison.subject.image.metadata.icc
    return crop_sheet([*panels], icc)


def _names(comparison: Comparison) -> list[str]:
    truth = ["original"] * (comparison.subject.truth is not None)
    return [scores.label for scores in comparison.scores] + truth


def _parts(comparison: Comparison, box: Box) -> Iterator[Pixels]:
    """Yield a part of the picture by each method, then of the reference if there is one."""
    subject = comparison.subject
    for named in comparison.methods:
        yield rounded(subject.enlarged_by(named).part(named.method, box))
    if subject.truth is not None:
        yield rounded(box.cut(subject.truth.samples))


def _views(comparison: Comparison, room: int, is_one: bool) -> Iterator[dict[str, Any]]:
    """Yield a view of the crop; else of the whole picture if it fits; else of parts of it."""
    subject, count = comparison.subject, len(_names(comparison))
    if box := _crop(comparison):
        yield _view(comparison, box, "The crop")
        return
    box = Box(0, 0, subject.size[1], subject.size[0])
    if _fits(box, count):
        view = _view(comparison, box, "Whole picture" if is_one else subject.name)
        if _length(view) <= room:
            yield view
            return
    boxes = _most_different(comparison, isqrt(_AREA // count))
    for number, box in enumerate(islice(boxes, _AREAS if is_one else 1), 1):
        name = f"Where they differ most, {number}" if is_one else subject.name
        yield _view(comparison, box, name)


def _crop(comparison: Comparison) -> Box | None:
    """Return the box of --crop, if any; raise a `SettingError` if it is too large."""
    box, count = comparison.subject.box, len(_names(comparison))
    if box and not _fits(box, count):
        side = isqrt(_WHOLE // count)
        raise SettingError(
            f"--crop is {box.width}x{box.height} once enlarged, too much for {count} pictures side "
            f"by side; give at most {side}x{side} enlarged pixels"
        )
    return box


def _fits(box: Box, count: int) -> bool:
    return box.width * box.height * count <= _WHOLE and max(box.width, box.height) <= LONGEST_SIDE


def _view(comparison: Comparison, box: Box, name: str) -> dict[str, Any]:
    icc = comparison.subject.image.metadata.icc
    urls = [data_url(part, None, icc) for part in _parts(comparison, box)]
    return {"name": name, "size": [box.width, box.height], "urls": urls}


def _length(view: dict[str, Any]) -> int:
    return sum(map(len, view["urls"]))


def _reduced(comparison: Comparison) -> dict[str, Any]:
    """Return a view of the whole picture by all methods, reduced."""
    pictures, subject = [pictures.picture for pictures in comparison.drawn], comparison.subject
    (height, width), icc = pictures[0].shape[:2], subject.image.metadata.icc
    if subject.truth is not None:
        pictures.append(smaller(rounded(subject.truth.samples), max(height, width)))
    is_reduced = width < subject.size[1]
    how = f"reduced to {100 * width / subject.size[1]:.0f} %" if is_reduced else "compressed"
    urls = [data_url(picture, _QUALITY, icc) for picture in pictures]
    return {"name": f"Whole picture, {how}", "size": [width, height], "urls": urls}


def _most_different(comparison: Comparison, side: int) -> Iterator[Box]:
    """Yield separate boxes of about side^2 pixels, 16:9, those where methods differ most first.

    The middle of a box counts most: the page shows only that of every method at first.
    """
    size = comparison.subject.size
    height, width = min(side * 3 // 4, size[0]), min(side * 4 // 3, size[1])
    blocks = comparison.differences.astype(np.float64)
    rows, cols = (max(1, min(length // BLOCK, n)) for length, n in
                  zip((height, width), blocks.shape, strict=True))  # fmt: skip
    down, across = rows // 4, cols // 4
    middle = blocks[down : blocks.shape[0] - down, across : blocks.shape[1] - across]
    means = _means(blocks, rows, cols) + _means(middle, rows - 2 * down, cols - 2 * across)
    while (means > -np.inf).any():
        i, j = (int(place) for place in np.unravel_index(np.argmax(means), means.shape))
        yield Box(min(j * BLOCK, size[1] - width), min(i * BLOCK, size[0] - height), width, height)
        # Leave out what overlaps, and one block more: at an edge, boxes do not lie on whole blocks.
        means[max(0, i - rows) : i + rows + 1, max(0, j - cols) : j + cols + 1] = -np.inf


def _means(plane: NDArray[np.float64], rows: int, cols: int) -> NDArray[np.float64]:
    """Return the mean of each window of so many rows and columns."""
    sums = np.pad(plane, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    part = sums[rows:, cols:] - sums[:-rows, cols:] - sums[rows:, :-cols] + sums[:-rows, :-cols]
    return np.asarray(part / (rows * cols))


def _cards(comparison: Comparison) -> dict[str, Any]:
    """Return the kernel, spectrum, heat map and error map of each method, on common scales."""
    drawn = comparison.drawn
    fields = [spread(*one.field, (one.light.shape[0], one.light.shape[1]), one.step)
              for one in drawn]  # fmt: skip
    top = heat_top(fields)
    errors = [float(np.quantile(one.error, 0.99)) for one in drawn if one.error is not None]
    top_error = max(1.0, float(np.ceil(np.median(errors)))) if errors else 1.0
    ranges = [decibel_range(one.power) for one in drawn if one.power is not None] or [(0.0, 0.0)]
    ends = (min(low for low, _ in ranges), max(high for _, high in ranges))
    cards = []
    for one, field, scores in zip(drawn, fields, comparison.scores, strict=True):
        kernel, stride = scores.kernel, scores.checkerboard.stride
        heat = heat_pixels(one.light, field, top)
        cards.append({
            "kernel": kernel and data_url(kernel_pixels(kernel.taps)),
            "taps": kernel and "{} x {} taps, stride {}".format(*kernel.taps.shape, kernel.stride),
            "spectrum": None if one.power is None else
            data_url(spectrum_pixels(one.power, stride, ends, _SPECTRUM), _QUALITY),
            "heat": data_url(heat, _QUALITY),
            "error": None if one.error is None else
            data_url(np.asarray(ramp_colours(one.error / top_error), np.uint8), _QUALITY),
        })  # fmt: skip
    hatched = "" if all(np.isfinite(field).all() for field in fields) else f"; {HATCHED}"
    scales = {"spectrum": "{:.0f} to {:.0f} dB".format(*ends),
              "heat": f"0 to {top:g} levels{hatched}",
              "error": f"0 to {top_error:g} levels"}  # fmt: skip
    return {"cards": cards, "scales": scales}
