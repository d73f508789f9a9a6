"""The page of a comparison: one HTML file that needs nothing else."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from math import isfinite, isqrt
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from upsample_cli.errors import SettingError
from upsample_cli.images.figures.crop_sheet import Panel, crop_sheet
from upsample_cli.images.figures.drawing import Pixels
from upsample_cli.images.figures.heat_map import heat_pixels, heat_top, spread
from upsample_cli.images.figures.small_pictures import (
    data_url,
    eight_bit,
    error_pixels,
    kernel_pixels,
    thumbnail,
)
from upsample_cli.images.figures.spectrum_figure import decibel_range, spectrum_pixels
from upsample_cli.jobs.compare.areas import Box, most_different
from upsample_cli.jobs.compare.compare import THUMBNAIL, Comparison
from upsample_cli.jobs.compare.figures_table import Table, verdict
from upsample_cli.jobs.compare.method_list import NamedMethod
from upsample_cli.jobs.runtime.threads import Workers

_BUDGET = 6 << 20  # characters of pictures in full; a page holds a quarter more at most
_WHOLE = 4_500_000  # pixels of all methods together that are worth a try to show whole
_AREA = 1_250_000  # pixels of all methods together in an area; even noise fits thrice
_AREAS = 4
_QUALITY = 80  # of the whole picture, reduced
_SPECTRUM = 256  # pixels, about the side
_SHEET = 192  # pixels, the side of a crop on a sheet
_TRUTH = "truth"


class _Page(Template):
    """The template: `$` is common in scripts."""

    delimiter = "@@"


def page(
    comparisons: Sequence[Comparison],
    methods: Sequence[NamedMethod],
    figures: Table,
    count: int,
    threads: int,
) -> bytes:
    """Return a page in UTF-8.

    Args:
        comparisons: The pictures to show, the first in detail.
        methods: As they were compared.
        figures: The table to show.
        count: How many pictures the table is of.
        threads: How many pictures to encode at once.
    """
    first, left, views = comparisons[0], _BUDGET, list[dict[str, Any]]()
    for comparison in comparisons:
        areas = 1 if len(comparisons) > 1 else _AREAS
        for view in _views(comparison, methods, areas, left, threads):
            left -= sum(map(len, view["urls"]))
            views.append(view)
    if count == 1 and views[0]["size"] != [*first.subject.size[::-1]]:
        views.append(_reduced(first))
    (height, width), (tall, wide) = first.subject.image.size, first.subject.size
    sizes = f"{width} x {height} pixels to {wide} x {tall}, by {len(methods)} methods"
    many = f"mean and worst of {count} pictures; below are those in which most is wrong"
    name = first.subject.name if count == 1 else f"{count} pictures"
    title = f"{name}, enlarged x{first.subject.scale:.4g}"
    data = {
        "title": title, "subtitle": sizes if count == 1 else many, "detail": first.subject.name,
        "names": _names(first, methods), "views": views,
        "header": figures.header, "rows": figures.rows, "best": figures.best,
        **_cards(first),
    }  # fmt: skip
    text = Path(__file__).with_name("compare.html").read_text("utf-8")
    # A name may hold anything: nothing in the data may end the script that it stands in.
    safe = json.dumps(data).replace("<", "\\u003c")
    return _Page(text).substitute(title=escape(title), data=safe).encode()


def sheet(comparison: Comparison, methods: Sequence[NamedMethod]) -> bytes:
    """Return the same part of a picture by all methods as a PNG."""
    subject = comparison.subject
    box = subject.box or most_different(comparison.differences, subject.size, _SHEET, 1)[0]
    panels = []
    for number, name in enumerate(_names(comparison, methods)):
        line = ""
        if number < len(methods):
            result = comparison.results[number]
            score = f"{result.psnr:.2f} dB, " if isfinite(result.psnr) else ""
            line = f"{score}checkerboard {verdict([result])}"
        panels.append(Panel(name, line, _part(comparison, methods, box, number)))
    return crop_sheet(panels)


def _names(comparison: Comparison, methods: Sequence[NamedMethod]) -> list[str]:
    """Return what the pictures of a view are called, in their order."""
    return [one.label for one in methods] + [_TRUTH] * (comparison.subject.truth is not None)


def _part(comparison: Comparison, methods: Sequence[NamedMethod], box: Box, number: int) -> Pixels:
    """Return a part of the picture by a method; the truth has the number after the last."""
    subject = comparison.subject
    if number < len(methods):
        samples = subject.window(methods[number].method, box)
    else:
        assert subject.truth is not None  # else it has no number
        samples = subject.truth.samples[box.top : box.top + box.height,
                                        box.left : box.left + box.width]  # fmt: skip
    return eight_bit(samples, subject.image.peak)


def _views(
    comparison: Comparison, methods: Sequence[NamedMethod], areas: int, budget: int, threads: int
) -> Iterator[dict[str, Any]]:
    """Yield the whole picture if a page holds it, else parts of it, as many as it holds."""
    subject, shown = comparison.subject, len(_names(comparison, methods))
    height, width = subject.size
    view = partial(_view, comparison, methods, threads)
    if subject.box is not None:
        if (pixels := subject.box.width * subject.box.height) * shown > _WHOLE:
            raise SettingError(
                f"--crop is {pixels} pixels once enlarged, and a page holds {_WHOLE // shown} of "
                f"{shown} pictures; give a smaller one"
            )
        yield view("The crop", subject.box)
        return
    if height * width * shown <= _WHOLE:
        whole = view("Whole picture", Box(0, 0, width, height))
        if sum(map(len, whole["urls"])) <= budget:
            yield whole
            return
    side = isqrt(_AREA // shown)
    for n, box in enumerate(most_different(comparison.differences, subject.size, side, areas), 1):
        part = view(f"Where they differ most, {n}" if areas > 1 else subject.name, box)
        budget -= sum(map(len, part["urls"]))
        if budget < 0:
            return
        yield part


def _view(
    comparison: Comparison, methods: Sequence[NamedMethod], threads: int, name: str, box: Box
) -> dict[str, Any]:
    """Return a part of a picture by all methods, without loss."""
    icc = comparison.subject.image.metadata.icc
    numbers = range(len(_names(comparison, methods)))
    with Workers(threads) as workers:
        urls = list(workers.in_order(
            lambda number: data_url(_part(comparison, methods, box, number), None, icc), numbers
        ))  # fmt: skip
    height, width = comparison.subject.size
    place = [100 * box.left / width, 100 * box.top / height,
             100 * box.width / width, 100 * box.height / height]  # fmt: skip
    return {"name": name, "size": [box.width, box.height], "urls": urls, "place": place}


def _reduced(comparison: Comparison) -> dict[str, Any]:
    """Return the whole picture by all methods, reduced, to see where its parts are."""
    subject = comparison.subject
    wholes = [one.whole for one in comparison.pictures]
    if subject.truth is not None:
        wholes.append(thumbnail(subject.truth.samples, THUMBNAIL))
    icc = subject.image.metadata.icc
    height, width = wholes[0].shape[:2]
    name = f"Whole picture, reduced to {100 * width / subject.size[1]:.0f} %"
    urls = [data_url(eight_bit(each, subject.image.peak), _QUALITY, icc) for each in wholes]
    return {"name": name, "size": [width, height], "urls": urls, "place": None}


def _cards(comparison: Comparison) -> dict[str, Any]:
    """Return the kernel, the spectrum and the heat maps of each method, on common scales."""
    pictures = comparison.pictures
    fields = [
        spread(*one.field, (one.light.shape[0], one.light.shape[1]), one.step) for one in pictures
    ]
    top = heat_top(fields)
    errors = [np.quantile(one.error, 0.99) for one in pictures if one.error is not None]
    worst = float(np.ceil(np.median(errors))) or 1.0 if errors else 0.0
    ends = [decibel_range(one.power) for one in pictures if one.power is not None]
    low, high = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0.0, 0.0)
    cards = []
    for one, field, result in zip(pictures, fields, comparison.results, strict=True):
        stride, kernel = result.checkerboard.stride, result.kernel
        taps = "not linear: no one kernel"
        if kernel:
            taps = f"{kernel.taps.shape[0]}x{kernel.taps.shape[1]} taps, stride {kernel.stride}"
        spectrum = None if one.power is None else data_url(
            spectrum_pixels(one.power, stride, (low, high), _SPECTRUM), _QUALITY)  # fmt: skip
        cards.append({
            "kernel": data_url(kernel_pixels(kernel.taps)) if kernel else None, "taps": taps,
            "spectrum": spectrum, "heat": data_url(heat_pixels(one.light, field, top), _QUALITY),
            "error": None if one.error is None
            else data_url(error_pixels(one.error, worst), _QUALITY),
        })  # fmt: skip
    return {"cards": cards, "scales": {"heat": f"0 to {top:g} levels", "error": f"0 to {worst:g} "
            "levels", "spectrum": f"{low:.0f} to {high:.0f} dB"}}  # fmt: skip
