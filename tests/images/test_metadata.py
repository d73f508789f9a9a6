from upsample_cli.images.metadata import resized_xmp, upright_xmp

PACKET = (
    b"<x:xmpmeta><rdf:Description tiff:Orientation='6' exif:PixelXDimension='40'>"
    b"<exif:PixelYDimension>30</exif:PixelYDimension><dc:title>tiff</dc:title>"
    b"</rdf:Description></x:xmpmeta>"
)


def test_orientation_and_size_change_alone() -> None:
    """Both change as attributes and as elements; the rest stays."""
    changed = resized_xmp(upright_xmp(PACKET), (60, 80))
    expected = PACKET.replace(b"'6'", b"'1'").replace(b"'40'", b"'80'").replace(b">30<", b">60<")
    assert changed == expected


def test_a_packet_without_them_stays() -> None:
    """A packet without orientation and size is not changed."""
    assert resized_xmp(upright_xmp(b"<x:xmpmeta/>"), (60, 80)) == b"<x:xmpmeta/>"
