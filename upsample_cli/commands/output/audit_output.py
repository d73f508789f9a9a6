"""The results of audits and repairs, as text for people or as one line of JSON."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import isfinite, isnan
from typing import Any

import numpy as np

from upsample_cli.commands.output.messages import printable
from upsample_cli.commands.output.text_and_json import aligned, in_json
from upsample_cli.jobs.audit.audit import Audit, OutputFigures
from upsample_cli.jobs.audit.kernel_figures import KernelFigures, order_in_words
from upsample_cli.jobs.audit.layer_figures import LayerFigures
from upsample_cli.jobs.audit.repair import Repair

_DRAWN = 8  # most phases along an axis of a grid; of more, only the range is printed
_LINES = 6  # how many lines of the spectrum to print, the strongest first
_HEAD = ("layer", "type", "kernel", "stride", "divides", "ripple", "worst channel", "bias",
         "shift, px", "verdict")  # fmt: skip

_FIGURES: dict[str, Callable[[KernelFigures], str]] = {
    "gain": lambda result: f"{result.gain:.6g}",
    "ripple": lambda result: f"{result.ripple:.4f}",
    "peak-to-peak": lambda result: f"{result.peak_to_peak:.4f}",
    "ramp error, px": lambda result: _number(result.ramp_error),
    "shift, px down, right": lambda result: _shift(result.shift),
    "Strang-Fix order": lambda result: order_in_words(result.order),
    "stride divides kernel": lambda result: "yes" if result.divides else "no",
}


def in_words(path: str, result: Audit) -> str:
    """Return the audit of a file, as text for people."""
    if result.kernel:
        return _kernel(path, result.kernel)
    if not result.layers:
        return f"{printable(path)}  no upsampling layer"
    rows = aligned([_HEAD, *map(_row, result.layers)])
    remedies: dict[str, list[str]] = {}
    for layer in result.layers:
        if layer.remedy:
            remedies.setdefault(printable(layer.remedy), []).append(printable(layer.name))
    words = [f"{', '.join(names)}: {remedy}" for remedy, names in remedies.items()]
    if result.output is not None:
        words.append(_output(result.output, bool(remedies)))
    return "\n".join([printable(path), rows, *words])


def as_json(path: str, result: Audit | None, error: str | None) -> str:
    """Return the audit of a file, or the error that prevented it, as one line of JSON."""
    if result is None:
        return in_json({"input": path, "status": "failed", "error": error})
    return in_json({"input": path, "status": "done", "error": None, **_values(result)})


def repair_in_words(path: str, output: str, result: Repair) -> str:
    """Return how much a repair changed the taps, with figures before and after, for people."""
    if result.layers:
        head = f"{printable(output)}  balanced layers of {printable(path)}: {len(result.layers)}"
        parts = result.layers.items()
        changes = aligned([(printable(name), f"changed by {part:.2%}") for name, part in parts])
        audits = [in_words("before", result.before), in_words("after", result.after)]
        return "\n".join([head, _indented(changes), *audits])
    head = f"{printable(output)}  changed by {result.moved:.2%} of {printable(path)}"
    before, after = result.before, result.after
    rows: list[tuple[str, ...]] = [("", "before", "after")]
    if before.kernel and after.kernel:
        for name, value in _FIGURES.items():
            rows.append((name, value(before.kernel), value(after.kernel)))
    else:
        rows.append(("ripple", *(_number(item.ripple) for item in (before, after))))
    return f"{head}\n{_indented(aligned(rows))}"


def repair_json(path: str, output: str, result: Repair) -> str:
    """Return the result of a repair as one line of JSON."""
    both = {"before": _values(result.before), "after": _values(result.after)}
    summary = {"status": "done", "moved": result.moved, "notes": list(result.notes)}
    if result.layers:
        summary["layers"] = result.layers
    return in_json({"input": path, "output": output, **summary, **both})


def _output(output: OutputFigures, has_remedies: bool) -> str:
    """Return a line on the pattern in a network's output, with a verdict on the network."""
    if not output.worst:
        why = "the audit takes too long" if output.is_finite else "it holds NaN or infinity"
        return f"output, stride {_size(output.stride)}: unknown, since {why}"
    parts = [f"{output.levels:.2f} levels on flat pictures (most on {printable(output.worst)})"]
    for name, levels in output.pictures.items():
        figure = f"{levels:.2f} levels" if isfinite(levels) else "unknown"
        parts.append(f"{figure} on {printable(name)}")
    verdict = "too faint to see" if output.verdict == "none" else output.verdict
    if has_remedies and output.verdict == "none":
        verdict += ": the network as a whole needs no remedy"
    return f"output, stride {_size(output.stride)}: {', '.join(parts)}; {verdict}"


def _kernel(path: str, result: KernelFigures) -> str:
    head = (
        f"{printable(path)}  {_size(result.size)} taps, stride {_size(result.stride)}, padding "
        f"{_size(result.padding)}  ripple {result.ripple:.4f} ({result.levels:.2f} levels at "
        f"white)  {_verdict(result.verdict)}"
    )
    rows = [(name, value(result)) for name, value in _FIGURES.items()]
    text = [head, _indented(aligned(rows)), "  phase sums", _indented(_grid(result.phase_sums))]
    if result.verdict == "checkerboard":
        text += ["  lines", _indented(aligned(_lines(result))), f"  remedy: {result.remedy}"]
    return "\n".join(text)


def _grid(sums: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Return a grid of the phase sums, or their range if the grid would be too large."""
    if max(sums.shape) > _DRAWN:
        return f"{sums.min():.4f} to {sums.max():.4f}"
    cells = [[f"{item:.4f}" for item in row] for row in sums]
    width = max(len(cell) for row in cells for cell in row)
    bar = "+".join(["", *["-" * (width + 2)] * sums.shape[1], ""])
    rows = ("|".join(["", *(f" {cell:>{width}} " for cell in row), ""]) for row in cells)
    return "\n".join([bar, *(text for row in rows for text in (row, bar))])


def _lines(result: KernelFigures) -> list[tuple[str, ...]]:
    """Return a table of the strongest spectral lines, one row per pair of opposite frequencies."""
    down, across = result.lines.shape
    rows = []
    for p, q in np.ndindex(down, across):
        if (p, q) == (0, 0) or (p, q) > (-p % down, -q % across):
            continue
        kind = "checker" if p and q else "horizontal stripes" if p else "vertical stripes"
        rows.append((float(result.lines[p, q]), f"{p}/{down}", f"{q}/{across}", kind))
    rows.sort(key=lambda row: -row[0])
    head = ("cycles/px down", "across", "amplitude", "")
    return [head, *((a, b, f"{size:.4f}", kind) for size, a, b, kind in rows[:_LINES])]


def _row(layer: LayerFigures) -> tuple[str, ...]:
    worst = "-"
    if layer.worst_channel is not None:
        worst = f"{layer.worst_channel}: {_number(layer.worst_ripple)}"
    divides = "-" if layer.divides is None else "yes" if layer.divides else "no"
    spread = "" if set(layer.dilation) <= {1} else f" dilation {_size(layer.dilation)}"
    return (
        printable(layer.name), layer.kind, (_size(layer.size) or "-") + spread,
        _size(layer.stride) or "-", divides, _number(layer.ripple), worst,
        _number(layer.bias_ripple), _shift(layer.shift), _verdict(layer.verdict),
    )  # fmt: skip


def _verdict(word: str) -> str:
    return "no checkerboard" if word == "none" else word


def _number(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.4f}"


def _shift(shift: Sequence[float] | None) -> str:
    return "-" if shift is None else ", ".join(f"{item:g}" for item in shift)


def _size(sizes: Sequence[float]) -> str:
    return "x".join(f"{item:g}" for item in sizes)


def _indented(text: str) -> str:
    return "\n".join(f"    {item}" for item in text.splitlines())


def _values(result: Audit) -> dict[str, Any]:
    if result.kernel:
        return {"ripple": result.ripple, "kernel": asdict(result.kernel)}
    layers = [asdict(layer) for layer in result.layers]
    output = result.output and asdict(result.output) | {"verdict": result.output.verdict}
    values = {"ripple": result.ripple, "layers": layers, "output": output}
    if result.seconds is not None:
        values |= {"seconds": result.seconds, "memory": result.memory}
    return values
