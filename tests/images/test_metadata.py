from upsample_cli.images.metadata import Metadata

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
