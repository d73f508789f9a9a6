from upsample_cli.images.metadata import Metadata, resized_xmp, upright_xmp

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


SRGB, P3 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06), (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
WHITE = 0.31269, 0.32899


def test_primaries_that_are_not_those_of_srgb_may_be_lost() -> None:
    """Formats other than PNG lose them, unless something else says what the colours are."""
    metadata = Metadata(chromaticity=WHITE + P3)
    assert metadata.losses("PNG") == ()
    assert metadata.losses("JPEG") == metadata.losses("WEBP") == ("cHRM",)
    assert metadata._replace(icc=b"profile").losses("JPEG") == ()
    assert metadata._replace(srgb=0).losses("JPEG") == ()
    assert Metadata(chromaticity=WHITE + SRGB).losses("JPEG") == ()
