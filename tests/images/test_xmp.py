from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from upsample_cli.images import xmp
from upsample_cli.images.exif import upright_samples
from upsample_cli.images.places.place import parse
from upsample_cli.images.read import files

PACKET = (
    b"<x:xmpmeta><rdf:Description tiff:Orientation='6' exif:PixelXDimension='40'>"
    b"<exif:PixelYDimension>30</exif:PixelYDimension><dc:title>tiff</dc:title>"
    b"</rdf:Description></x:xmpmeta>"
)
AS_ATTRIBUTES = (
    b'<mwg-rs:AppliedToDimensions stDim:w="%d" stDim:h="%d" stDim:unit="pixel"/>'
    b'<mwg-rs:Area stArea:x="%.7g" stArea:y="%.7g" stArea:w="%.7g" stArea:h="%.7g"/>'
)
AS_ELEMENTS = (
    b'<mwg-rs:AppliedToDimensions rdf:parseType="Resource"><stDim:w>%d</stDim:w>\n'
    b"<stDim:h>%d</stDim:h></mwg-rs:AppliedToDimensions><mwg-rs:Area>\n<stArea:x> %.7g</stArea:x>"
    b"<stArea:y>%.7g</stArea:y><stArea:w>%.7g</stArea:w><stArea:h>%.7g</stArea:h></mwg-rs:Area>"
)


def test_orientation_and_size_change_alone() -> None:
    """Both change as attributes and as elements; the rest stays."""
    changed = xmp.resized(xmp.upright(PACKET), (60, 80))
    expected = PACKET.replace(b"'6'", b"'1'").replace(b"'40'", b"'80'").replace(b">30<", b">60<")
    assert changed == expected


def test_a_packet_without_them_stays() -> None:
    """A packet without orientation and size is not changed."""
    assert xmp.resized(xmp.upright(b"<x:xmpmeta/>"), (60, 80)) == b"<x:xmpmeta/>"


@pytest.mark.parametrize("form", [AS_ATTRIBUTES, AS_ELEMENTS])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_region_stays_around_its_face(form: bytes, orientation: int) -> None:
    """Where a picture is turned and enlarged, the region of a face is still around its pixels."""
    samples = np.zeros((20, 40, 1), np.uint8)
    samples[2:6, 8:16] = 255
    packet = xmp.upright(form % (40, 20, 0.3, 0.2, 0.2, 0.2), orientation)
    turned = upright_samples(samples, orientation)[..., 0]
    height, width = turned.shape
    (top, bottom), (left, right) = (np.flatnonzero(turned.any(axis))[[0, -1]] for axis in (1, 0))
    sides = (right + 1 - left) / width, (bottom + 1 - top) / height
    centre = (right + 1 + left) / 2 / width, (bottom + 1 + top) / 2 / height
    expected = form % (2 * width, 2 * height, *centre, *sides)
    assert xmp.resized(packet, (2 * height, 2 * width)) == expected


@pytest.mark.parametrize("name", ["in.jpg", "in.tiff", "float.tiff"])
def test_regions_are_turned_as_files_are_read(tmp_path: Path, name: str) -> None:
    """What is read of a picture that lies on its side has upright regions."""
    form = b"<x xmlns:x='x'>" + AS_ATTRIBUTES + b"</x>"
    packet, path = form % (40, 20, 0.3, 0.2, 0.1, 0.4), str(tmp_path / name)
    samples = np.zeros((20, 40, 3), np.uint8)
    if name == "in.jpg":
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        PIL.Image.fromarray(samples).save(path, exif=exif, xmp=packet)
    else:
        tags = [(274, 3, 1, 6, True), (700, 1, len(packet), packet, True)]
        kind = np.float32 if name == "float.tiff" else np.uint8
        tifffile.imwrite(path, samples.astype(kind), photometric="rgb", extratags=tags)
    metadata = files.read(parse(path)).metadata
    assert metadata.resized((80, 40)).xmp == form % (40, 80, 0.8, 0.3, 0.4, 0.1)
