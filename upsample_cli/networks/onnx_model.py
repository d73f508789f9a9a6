"""The upsampling layers of an ONNX model, in the order in which they run."""

from collections.abc import Iterator

from upsample_cli.networks.interpolation import interpolated
from upsample_cli.networks.layer import RESIZE, Layer
from upsample_cli.networks.places import places
from upsample_cli.networks.probe import measured
from upsample_cli.networks.trial import Trial, tried


def layers(trial: Trial) -> Iterator[Layer]:
    """Yield every layer that upsamples; one that cannot be measured is there with the reason."""
    for place in places(trial):
        if place.kind == RESIZE and not place.unknown:
            layer = interpolated(trial.network, place)
            if layer is not None:
                yield layer
        else:
            yield measured(trial.network, place)


def layers_of(path: str) -> Iterator[Layer]:
    """Yield the layers of a .onnx file."""
    return layers(tried(path))
