"""Interpolation: every output pixel is a fixed weighted mean of the input pixels around it.

Output pixels lie at half-pixel centres, any real scale is possible, and nothing is learned. The
weights of each output pixel sum to 1, so a flat picture stays flat and no interpolation makes a
checkerboard.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upsample_cli.methods.method import Method, RingingMethod, Stage, parameter

# Kernels are imported inside the functions: `upsample --help` reads these classes and must not
# wait for NumPy.
if TYPE_CHECKING:
    from upsample_cli.planes import Size

BACKENDS = ("fast", "scipy")
"""The ways to compute a spline of order 0 to 5: our banded matrices, or scipy.ndimage itself."""


@dataclass(frozen=True, slots=True)
class Nearest(Method):
    """Copy the nearest input pixel."""

    name = "nearest"
    summary = "copies the nearest pixel"
    copies = True
    backend: str = parameter("fast", "own code or scipy.ndimage", choices=BACKENDS)

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation."""
        return (_spline(0, self.backend, size_in, size_out),)


@dataclass(frozen=True, slots=True)
class Unchanged(Nearest):
    """The method of `upsample repair`, which keeps the size and copies all pixels."""

    name = "repair"


@dataclass(frozen=True, slots=True)
class Bilinear(Method):
    """Interpolate linearly along each axis."""

    name = "bilinear"
    summary = "linear along each axis, from 2 pixels"
    backend: str = parameter("fast", "own code or scipy.ndimage", choices=BACKENDS)

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation."""
        return (_spline(1, self.backend, size_in, size_out),)


class _Resampling(RingingMethod):
    """A method that resamples with the interpolant of the same name."""

    __slots__ = ()

    def stages_before_antiring(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation."""
        from upsample_cli.kernels import interpolants

        phi = getattr(interpolants, self.name.upper())
        return (interpolants.resampling(phi, size_in, size_out),)


class Bicubic(_Resampling):
    """Interpolate by Keys' cubic convolution, a = -0.5."""

    __slots__ = ()
    name = "bicubic"
    summary = "Keys' cubic convolution, a = -0.5, from 4 pixels"


class Lanczos(_Resampling):
    """Interpolate by a windowed sinc with three lobes."""

    __slots__ = ()
    name = "lanczos"
    summary = "windowed sinc, a = 3, from 6 pixels"


@dataclass(frozen=True, slots=True)
class Spline(RingingMethod):
    """Interpolate by B-splines that pass through the pixels.

    Args:
        order: Polynomial degree, 0..5; 0 is `nearest`, 1 is `bilinear`.
        backend: One of `BACKENDS`.
    """

    name = "spline"
    summary = "prefiltered B-spline (as SciPy's zoom)"
    order: int = parameter(3, "degree of the spline, 0 to 5", low=0, high=5)
    backend: str = parameter("fast", "own code or scipy.ndimage", choices=BACKENDS)

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of an input pixel: at order 0."""
        return self.order == 0

    @property
    def rings(self) -> bool:
        """Whether it can overshoot: at orders above 1."""
        return self.order > 1

    def stages_before_antiring(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation."""
        return (_spline(self.order, self.backend, size_in, size_out),)


def _spline(order: int, backend: str, size_in: "Size", size_out: "Size") -> Stage:
    """Return the stage that interpolates by a spline of `order`, computed by `backend`."""
    if backend == "scipy":
        from upsample_cli.methods.ndimage import NdimageZoom

        return NdimageZoom(order, size_in, size_out)
    from upsample_cli.kernels.interpolants import spline_resampling

    return spline_resampling(order, size_in, size_out)
