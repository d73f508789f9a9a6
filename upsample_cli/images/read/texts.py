"""Texts of a PNG, kept apart from what its other chunks say.

Pillow puts both under one roof, so that a text called "gamma" would be the picture's gamma.
"""

from collections.abc import Callable

from PIL.PngImagePlugin import PngStream

from upsample_cli.images.metadata.exif import RAW_PROFILE


class Stream(PngStream):
    """The chunks of a PNG, whose texts are among no other facts of it."""

    def chunk_tEXt(self, pos: int, length: int) -> bytes:  # noqa: N802 # a kind of chunk
        """Read a text."""
        return self._apart(super().chunk_tEXt, pos, length)

    def chunk_zTXt(self, pos: int, length: int) -> bytes:  # noqa: N802 # likewise
        """Read a compressed text."""
        return self._apart(super().chunk_zTXt, pos, length)

    def chunk_iTXt(self, pos: int, length: int) -> bytes:  # noqa: N802 # likewise
        """Read a text of any letters."""
        return self._apart(super().chunk_iTXt, pos, length)

    def _apart(self, read: Callable[[int, int], bytes], pos: int, length: int) -> bytes:
        known = dict(self.im_info)
        data = read(pos, length)
        for key in self.im_text.keys() & self.im_info.keys() - {
            RAW_PROFILE
        }:  # `exif_bytes` needs it
            if key in known:
                self.im_info[key] = known[key]
            else:
                del self.im_info[key]
        return data
