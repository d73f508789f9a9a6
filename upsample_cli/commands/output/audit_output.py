"""What an audit found or a repair did: as text for people, or as one line of JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import isfinite, isnan
from typing import Any

import numpy as np

from upsample_cli.commands.output.messages import printable
from upsample_cli.commands.output.text_tables import aligned
from upsample_cli.jobs.audit.audit import Audit
from upsample_cli.jobs.audit.kernel_figures import KernelFigures, order_in_words
from upsample_cli.jobs.audit.layer_figures import LayerFigures
from upsample_cli.jobs.audit.network import OutputFigures
from upsample_cli.jobs.audit.repair import Repair

_DRAWN = 8  # phases along an axis of the grid: wider ones are told by their extremes
_LINES = 6  # of the spectrum, the strongest
_HEAD = ("layer", "type", "kernel", "stride", "divides", "ripple", "worst channel", "bias",
         "shift, px", "verdict")  # fmt: skip

_FIGURES: dict[str, Callable[[KernelFigures], str]] = {
    "gain": lambda found: f"{found.gain:.6g}",
    "ripple": lambda found: f"{found.ripple:.4f}",
    "peak-to-peak": lambda found: f"{found.peak_to_peak:.4f}",
    "ramp error, px": lambda found: _number(found.ramp_error),
    "shift, px down, right": lambda found: _shift(found.shift),
    "Strang-Fix order": lambda found: order_in_words(found.order),
    "stride divides kernel": lambda found: "yes" if found.divides else "no",
}


def in_words(path: str, found: Audit) -> str:
    """Return what was found in a file, for people."""
    if found.kernel:
        return _kernel(path, found.kernel)
    if not found.layers:
        return f"{printable(path)}  no upsampling layer"
    rows = aligned([_HEAD, *map(_row, found.layers)])
    remedies: dict[str, list[str]] = {}
    for layer in found.layers:
        if layer.remedy:
            remedies.setdefault(printable(layer.remedy), []).append(printable(layer.name))
    words = [f"{', '.join(names)}: {remedy}" for remedy, names in remedies.items()]
    if found.output is not None:
        words.append(_output(found.output))
    return "\n".join([printable(path), rows, *words])


def as_json(path: str, found: Audit | None, error: str | None) -> str:
    """Return what was found in a file, or why nothing was, as one line of JSON."""
    if found is None:
        return json.dumps({"input": path, "status": "failed", "error": error})
    values = {"input": path, "status": "done", "error": None, **_values(found)}
    return json.dumps(_plain(values), allow_nan=False)


def repair_in_words(path: str, output: str, made: Repair) -> str:
    """Return how far a repair moved a kernel and what it gained, for people."""
    head = f"{printable(output)}  moved by {made.moved:.2%} of {printable(path)}"
    before, after = made.before, made.after
    rows: list[tuple[str, ...]] = [("", "before", "after")]
    if before.kernel and after.kernel:
        for name, value in _FIGURES.items():
            rows.append((name, value(before.kernel), value(after.kernel)))
    else:
        rows.append(("ripple", *(f"{each.ripple:.4f}" for each in (before, after))))
    return f"{head}\n{_indented(aligned(rows))}"


def repair_json(path: str, output: str, made: Repair) -> str:
    """Return a repair as one line of JSON."""
    both = {"before": _values(made.before), "after": _values(made.after)}
    told = {"status": "done", "moved": made.moved, "notes": list(made.notes)}
    values = {"input": path, "output": output, **told, **both}
    return json.dumps(_plain(values), allow_nan=False)


def _output(output: OutputFigures) -> str:
    """Return the pattern in a network's output, for people."""
    parts = [f"{output.levels:.2f} levels on flat pictures (most on {output.worst})"]
    parts += [
        f"{levels:.2f} levels on {printable(name)}" for name, levels in output.pictures.items()
    ]
    return f"output, stride {_by(output.stride)}: {', '.join(parts)}"


def _kernel(path: str, found: KernelFigures) -> str:
    head = (
        f"{printable(path)}  {_by(found.size)} taps, stride {_by(found.stride)}, padding "
        f"{_by(found.padding)}  ripple {found.ripple:.4f} ({found.levels:.2f} levels at white)  "
        f"{_verdict(found.verdict)}"
    )
    rows = [(name, value(found)) for name, value in _FIGURES.items()]
    text = [head, _indented(aligned(rows)), "  phase sums", _indented(_grid(found.phase_sums))]
    if found.verdict == "checkerboard":
        text += ["  lines", _indented(aligned(_lines(found))), f"  remedy: {found.remedy}"]
    return "\n".join(text)


def _grid(sums: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Draw phase sums as the output pixels of one input pixel."""
    if max(sums.shape) > _DRAWN:
        return f"{sums.min():.4f} to {sums.max():.4f}"
    cells = [[f"{each:.4f}" for each in row] for row in sums]
    width = max(len(cell) for row in cells for cell in row)
    bar = "+".join(["", *["-" * (width + 2)] * sums.shape[1], ""])
    rows = ("|".join(["", *(f" {cell:>{width}} " for cell in row), ""]) for row in cells)
    return "\n".join([bar, *(text for row in rows for text in (row, bar))])


def _lines(found: KernelFigures) -> list[tuple[str, ...]]:
    """Return rows of the strongest lines, each pair of opposite ones once."""
    down, across = found.lines.shape
    rows = []
    for p, q in np.ndindex(down, across):
        if (p, q) == (0, 0) or (p, q) > (-p % down, -q % across):
            continue
        kind = "checker" if p and q else "horizontal stripes" if p else "vertical stripes"
        rows.append((float(found.lines[p, q]), f"{p}/{down}", f"{q}/{across}", kind))
    rows.sort(key=lambda row: -row[0])
    head = ("cycles/px down", "across", "amplitude", "")
    return [head, *((a, b, f"{size:.4f}", kind) for size, a, b, kind in rows[:_LINES])]


def _row(layer: LayerFigures) -> tuple[str, ...]:
    worst = "-"
    if layer.worst_channel is not None:
        worst = f"{layer.worst_channel}: {_number(layer.worst_ripple)}"
    divides = "-" if layer.divides is None else "yes" if layer.divides else "no"
    spread = "" if set(layer.dilation) <= {1} else f" dilation {_by(layer.dilation)}"
    return (
        printable(layer.name), layer.kind, (_by(layer.size) or "-") + spread,
        _by(layer.stride) or "-", divides, _number(layer.ripple), worst, _number(layer.bias_ripple),
        _shift(layer.shift), _verdict(layer.verdict),
    )  # fmt: skip


def _verdict(word: str) -> str:
    return {"checkerboard": "checkerboard", "none": "no checkerboard"}.get(word, word)


def _number(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.4f}"


def _shift(shift: Sequence[float] | None) -> str:
    return "-" if shift is None else ", ".join(f"{each:g}" for each in shift)


def _by(sizes: Sequence[float]) -> str:
    return "x".join(f"{each:g}" for each in sizes)


def _indented(text: str) -> str:
    return "\n".join(f"    {each}" for each in text.splitlines())


def _values(found: Audit) -> dict[str, Any]:
    if found.kernel:
        return {"ripple": found.ripple, "kernel": asdict(found.kernel)}
    values = {"ripple": found.ripple, "layers": [asdict(layer) for layer in found.layers]}
    if found.seconds is not None:
        output = None if found.output is None else asdict(found.output)
        values |= {"output": output, "seconds": found.seconds, "memory": found.memory}
    return values


def _plain(value: Any) -> Any:
    """Return a value of arrays and tuples as JSON has them; what is no number is None."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
