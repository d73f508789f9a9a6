"""Enlarge pictures, and measure how much checkerboard is in the result."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from upsample_cli.jobs.api import measure, upsample
    from upsample_cli.kernels.convolve import conv2d, conv_transpose2d, pixel_shuffle
    from upsample_cli.kernels.geometry import conv_matrix
    from upsample_cli.kernels.kernel import Kernel

__version__: str
__all__ = [
    "Kernel", "__version__", "conv2d", "conv_matrix", "conv_transpose2d", "measure",
    "pixel_shuffle", "upsample",
]  # fmt: skip

_MODULES = {
    "Kernel": "upsample_cli.kernels.kernel",
    "conv2d": "upsample_cli.kernels.convolve",
    "conv_matrix": "upsample_cli.kernels.geometry",
    "conv_transpose2d": "upsample_cli.kernels.convolve",
    "measure": "upsample_cli.jobs.api",
    "pixel_shuffle": "upsample_cli.kernels.convolve",
    "upsample": "upsample_cli.jobs.api",
}


def __getattr__(name: str) -> object:
    """Return the object with a public name; its module is imported at the first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("upsample-cli")
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return all names, also public ones not imported yet, so that interpreters complete them."""
    return sorted({*globals(), *__all__})
