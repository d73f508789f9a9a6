"""Ways to damage a file."""

import numpy as np

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def damaged(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to four kinds of damage.

    Args:
        data: The file.
        other: Another, to take a part from.
        rng: Of what happens where.
    """
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, len(made) + 1))
        # Heads and their fields break decoders in more ways than pixels do.
        if rng.random() < 0.5:
            at = min(at, int(rng.integers(0, 200)))
        length = int(rng.integers(1, 17))
        kind = int(rng.integers(0, 8))
        if kind == 0 and at < len(made):
            made[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            made[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
        elif kind == 2:
            del made[at:]
        elif kind == 3:
            del made[at : at + length]
        elif kind == 4:
            made[at:at] = made[at : at + length * 8]
        elif kind == 5:
            made[at : at + length] = bytes(length)
        elif kind == 6:
            size = int(rng.choice([1, 2, 4]))
            number = int(rng.choice(_NUMBERS)) & (256**size - 1)
            order = "big" if rng.random() < 0.5 else "little"
            made[at : at + size] = number.to_bytes(size, order)
        else:
            start = int(rng.integers(0, len(other)))
            made[at : at + length * 4] = other[start : start + length * 4]
    return bytes(made)
