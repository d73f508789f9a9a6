"""Networks as PyTorch exports them, by both of its exporters, against brute force in PyTorch."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import layers

from upsample_cli.jobs.audit.layer_figures import figures
from upsample_cli.metrics.ripple import layer_ripple

torch = pytest.importorskip("torch", reason="torch is in the group of peers")
pytest.importorskip("onnxscript", reason="torch's newer exporter needs it")
nn: Any = torch.nn
F: Any = torch.nn.functional


class Made(nn.Module):  # type: ignore[misc] # torch is not there for mypy
    """A network of a function and the layers that it uses."""

    def __init__(self, function: Callable[..., Any], **layers: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = function

    def forward(self, x: Any) -> Any:
        """Return what the function makes of x."""
        return self.function(self, x)


def stacked(n: Any, x: Any) -> Any:
    """Return chunks of a convolution, stacked to pixels."""
    a, b, c, d = n.c(x).chunk(4, dim=1)
    rows = torch.stack([torch.stack([a, b], -1), torch.stack([c, d], -1)], -3)
    return rows.reshape(x.shape[0], 3, 2 * x.shape[2], 2 * x.shape[3])


def assigned(n: Any, x: Any) -> Any:
    """Return the inverse of a wavelet transform, by strided assignment."""
    parts = [n.c(x)[:, 3 * k : 3 * k + 3] / 2 for k in range(4)]
    out = torch.zeros(x.shape[0], 3, 2 * x.shape[2], 2 * x.shape[3])
    signs = [(1, -1, -1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, 1, 1, 1)]
    for place, row in enumerate(signs):
        total = sum(sign * part for sign, part in zip(row, parts, strict=True))
        out[:, :, place // 2 :: 2, place % 2 :: 2] = total
    return out


def two_steps(n: Any, x: Any) -> Any:
    """Return a shuffle of rows, then one of columns."""
    b, _, h, w = x.shape
    y = n.c(x).reshape(b, 6, 2, h, w).permute(0, 1, 3, 2, 4).reshape(b, 6, 2 * h, w)
    return y.reshape(b, 3, 2, 2 * h, w).permute(0, 1, 3, 4, 2).reshape(b, 3, 2 * h, 2 * w)


def stuffed(n: Any, x: Any) -> Any:
    """Return zeros put between pixels, and a convolution, as in StyleGAN's upfirdn."""
    b, c, h, w = x.shape
    y = F.pad(x.reshape(b, c, h, 1, w, 1), [0, 1, 0, 0, 0, 1]).reshape(b, c, 2 * h, 2 * w)
    return n.c3(F.pad(y, [2, 1, 2, 1]))


def folded(n: Any, x: Any) -> Any:
    """Return patches that are added up where they overlap."""
    y = n.l(x.flatten(2).transpose(1, 2)).transpose(1, 2)
    return F.fold(y, (2 * x.shape[2] + 2, 2 * x.shape[3] + 2), 4, stride=2)


def patches(n: Any, x: Any) -> Any:
    """Return a transformer's tokens as patches of pixels."""
    b, _, h, w = x.shape
    y = n.l3(x.permute(0, 2, 3, 1)).reshape(b, h, w, 2, 2, 3)
    return y.permute(0, 5, 1, 3, 2, 4).reshape(b, 3, 2 * h, 2 * w)


def blurred(n: Any, x: Any) -> Any:
    """Return a transposed convolution and StyleGAN's blur."""
    row = torch.tensor([1.0, 3, 3, 1])
    taps = (torch.outer(row, row) / 16).repeat(3, 1, 1, 1)
    return F.conv2d(F.pad(n.t(x), [2, 1, 2, 1]), taps, groups=3)


def normed(kind: Any) -> Any:
    """Return a transposed convolution of which the weight is stored in parts."""
    return Made(lambda n, x: n.t(x), t=kind(nn.ConvTranspose2d(4, 3, 4, 2, 1)))


def conv(out: int = 12, taps: int = 3, **more: Any) -> Any:
    """Return a convolution of four channels."""
    return nn.Conv2d(4, out, taps, padding=taps // 2, **more)


NETWORKS: dict[str, tuple[Any, int]] = {
    "tconv k3": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 3, 3, 2, 1, 1)), 2),
    "tconv k4": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 3, 4, 2, 1)), 2),
    "tconv k5 s3": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 3, 5, 3, 1)), 2),
    "tconv groups": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2)), 2),
    "tconv depthwise": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=4)),
                        2),
    "tconv dilated": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 3, 3, 2, dilation=2)), 2),
    "tconv uneven sides": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose2d(4, 3, (3, 4), (1, 2))),
                           2),
    "tconv norm": (Made(lambda n, x: n.b(n.t(x)), t=nn.ConvTranspose2d(4, 3, 4, 2, 1),
                        b=nn.BatchNorm2d(3)), 2),
    "tconv 1d": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose1d(4, 3, 16, 8, 4)), 1),
    "tconv 3d": (Made(lambda n, x: n.t(x), t=nn.ConvTranspose3d(4, 3, 3, 2, 1, 1)), 3),
    "weight norm": (normed(nn.utils.parametrizations.weight_norm), 2),
    "spectral norm": (normed(nn.utils.parametrizations.spectral_norm), 2),
    "blurred": (Made(blurred, t=nn.ConvTranspose2d(4, 3, 3, 2, 1)), 2),
    "shuffle": (Made(lambda n, x: F.pixel_shuffle(n.c(x), 2), c=conv()), 2),
    "shuffle x3": (Made(lambda n, x: F.pixel_shuffle(n.c(x), 3), c=conv(27)), 2),
    "shuffle 1x1": (Made(lambda n, x: F.pixel_shuffle(n.c(x), 2), c=conv(12, 1)), 2),
    "shuffle groups": (Made(lambda n, x: F.pixel_shuffle(n.c(x), 2), c=conv(groups=2)), 2),
    "shuffle norm": (Made(lambda n, x: F.pixel_shuffle(n.b(n.c(x)), 2), c=conv(),
                          b=nn.BatchNorm2d(12)), 2),
    "shuffle blurred": (Made(lambda n, x: F.avg_pool2d(F.pixel_shuffle(n.c(x), 2), 2, 1),
                             c=conv()), 2),
    "shuffle cropped": (Made(lambda n, x: F.pixel_shuffle(n.c(x), 2)[..., 1:-1, 2:], c=conv()), 2),
    "shuffle 1d": (Made(lambda n, x: n.c(x).reshape(1, 3, 4, -1).transpose(2, 3)
                        .reshape(1, 3, -1), c=nn.Conv1d(4, 12, 3, padding=1)), 1),
    "shuffle 3d": (Made(lambda n, x: n.c(x).reshape(1, 2, 2, 2, 2, 8, 8, 8)
                        .permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(1, 2, 16, 16, 16),
                        c=nn.Conv3d(4, 16, 3, padding=1)), 3),
    "anchored": (Made(lambda n, x: F.pixel_shuffle(n.c(x) + x.repeat_interleave(4, 1), 2),
                      c=conv(16)), 2),
    "stacked": (Made(stacked, c=conv()), 2),
    "assigned": (Made(assigned, c=conv()), 2),
    "two steps": (Made(two_steps, c=conv()), 2),
    "stuffed": (Made(stuffed, c3=nn.Conv2d(4, 3, 4)), 2),
    "folded": (Made(folded, l=nn.Linear(4, 48)), 2),
    "patches": (Made(patches, l3=nn.Linear(4, 12)), 2),
    "einsum": (Made(lambda n, x: torch.einsum("bcxy,cdhw->bdxhyw", x, n.w)
                    .reshape(1, 3, 2 * x.shape[2], 2 * x.shape[3]),
                    w=nn.Parameter(torch.randn(4, 3, 2, 2))), 2),
    "nearest": (Made(lambda n, x: n.c(F.interpolate(x, scale_factor=2)), c=conv()), 2),
    "bilinear": (Made(lambda n, x: n.c(F.interpolate(x, scale_factor=2, mode="bilinear")),
                      c=conv()), 2),
}  # fmt: skip


def exported(network: Any, axes: int, folder: Path, dynamo: bool) -> str:
    """Export a network as PyTorch does; return the path."""
    path = folder / "net.onnx"
    x = torch.randn(1, 4, *(8,) * axes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (x,), str(path), dynamo=dynamo, verbose=False)
    return str(path)


def brute(network: Any, axes: int) -> float:
    """Return the ripple of what a network makes of flat channels, one by one."""
    with torch.no_grad():
        dark = network(torch.zeros(1, 4, *(8,) * axes))[0]
        columns = []
        for channel in range(4):
            x = torch.zeros(1, 4, *(8,) * axes)
            x[:, channel] = 1
            columns.append((network(x)[0] - dark).double().numpy())
    out = np.stack(columns, 1)
    for axis in range(axes):  # any number of whole periods will do
        stride = round(out.shape[2 + axis] / 8)
        first = out.shape[2 + axis] // 2 // stride * stride
        out = out.take(range(first, first + stride), axis=2 + axis)
    return layer_ripple(out).average


@pytest.mark.parametrize("dynamo", [False, True], ids=["legacy", "dynamo"])
@pytest.mark.parametrize("name", NETWORKS)
def test_exports(tmp_path: Path, name: str, dynamo: bool) -> None:
    """The layer is found, and its ripple is that of the network run in PyTorch."""
    torch.manual_seed(0)
    network, axes = NETWORKS[name]
    network.eval()
    if not dynamo and name in ("spectral norm", "folded"):
        pytest.skip("the older exporter has no such operator")
    expected = brute(network, axes)
    (figure,) = map(figures, layers(exported(network, axes, tmp_path, dynamo)))
    assert figure.ripple == pytest.approx(expected, rel=1e-4, abs=1e-5)
