"""Interpolation: every output pixel is a fixed weighting of the input pixels around it.

Half-pixel centres, any real scale, nothing learned. Every row of weights sums to 1, so a flat
picture stays flat and no interpolation makes a checkerboard.
"""

from typing import TYPE_CHECKING

from upsample_cli.methods.method import Method, Parameter, Stage

# The mathematics is imported where it is used: `upsample --help` reads these classes and must not
# wait for NumPy.
if TYPE_CHECKING:
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Size


class _Interpolation(Method):
    """What the interpolations share: one stage, no kernel to report, and mostly no parameter."""

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return None: an interpolation has no kernel of its own to report."""
        return None

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation.

        Args:
            size_in: Height and width of the input.
            size_out: Height and width of the output.
        """
        from upsample_cli.kernels import band, interpolants
        from upsample_cli.kernels.separable import Separable

        phi = getattr(interpolants, self.name.upper())
        rows, columns = zip(size_in, size_out, strict=True)
        return (Separable(band.interpolating(phi, *rows), band.interpolating(phi, *columns)),)


class Nearest(_Interpolation):
    """Copy the nearest input pixel."""

    name = "nearest"
    summary = "copies the nearest pixel"

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation."""
        from upsample_cli.kernels import band
        from upsample_cli.kernels.separable import Separable

        rows, columns = zip(size_in, size_out, strict=True)
        return (Separable(band.nearest(*rows), band.nearest(*columns)),)


class Bilinear(_Interpolation):
    """Interpolate linearly along each axis."""

    name = "bilinear"
    summary = "linear along each axis, 2 taps"


class Bicubic(_Interpolation):
    """Interpolate by Keys' cubic convolution, a = -0.5."""

    name = "bicubic"
    summary = "Keys' cubic convolution, a = -0.5, 4 taps"


class Lanczos(_Interpolation):
    """Interpolate by a windowed sinc, three lobes."""

    name = "lanczos"
    summary = "windowed sinc, a = 3, 6 taps"


class Spline(_Interpolation):
    """Interpolate by B-splines that pass through the pixels.

    Args:
        order: Polynomial degree, 2..5.
    """

    name = "spline"
    summary = "prefiltered B-spline (as SciPy's zoom)"
    parameters = (Parameter("order", int, 3, "degree", low=2, high=5),)
    order: int

    def stages(self, size_in: "Size", size_out: "Size") -> tuple[Stage, ...]:
        """Return the one stage of the interpolation."""
        from upsample_cli.kernels import band
        from upsample_cli.kernels.interpolants import cardinal_spline
        from upsample_cli.kernels.separable import Separable

        phi = cardinal_spline(self.order)
        rows, columns = zip(size_in, size_out, strict=True)
        return (Separable(band.interpolating(phi, *rows), band.interpolating(phi, *columns)),)
