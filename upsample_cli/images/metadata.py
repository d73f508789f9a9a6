"""What a picture's file says beside its pixels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says beside its pixels.

    Args:
        icc: The colour profile.
        exif: A TIFF structure, without the "Exif" mark before it; its orientation is 1.
        xmp: An XMP packet.
        dpi: Dots per inch along and down.
        srgb: PNG's rendering intent, where the file declares sRGB.
        gamma: PNG's gamma, where it declares one.
        text: Keys and values of text chunks and comments.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    srgb: int | None = None
    gamma: float | None = None
    text: tuple[tuple[str, str], ...] = ()

    def stripped(self) -> "Metadata":
        """Return only what colours need: the profile, sRGB intent and gamma."""
        return Metadata(icc=self.icc, srgb=self.srgb, gamma=self.gamma)
