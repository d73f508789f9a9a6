import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics.checkerboard import (
    NO_STRIDE,
    STRIDES,
    Checkerboard,
    period,
    result_at,
)
from upsample_cli.metrics.meter import Meter
from upsample_cli.metrics.rows import Rows


def searched(levels: np.ndarray) -> dict[int, Checkerboard]:
    meter = Meter(levels.shape, *((s, s) for s in STRIDES))
    meter.feed(Rows(levels.astype(np.float32)))
    return {s: meter.result(index) for index, s in enumerate(STRIDES)}


def found(stride: int, ripple: float, verdict: str = "checkerboard") -> Checkerboard:
    return Checkerboard((stride, stride), ripple=ripple, floor=0.01, verdict=verdict)


def whole(stride: int, ripple: float, contrast_db: float, ripple_rel: float) -> Checkerboard:
    return found(stride, ripple)._replace(contrast_db=contrast_db, ripple_rel=ripple_rel)


@pytest.mark.parametrize("stride", STRIDES)
def test_the_shortest_period_is_found(stride: int) -> None:
    """A pattern is found at its own period, and not at a multiple or a part of it."""
    levels = 40 + 150 * natural_texture(400, 380, 5)[0] + 2 * periodic_pattern(400, 380, stride)
    assert period(searched(levels)) == stride


def test_no_period_is_found_in_a_picture_without() -> None:
    """Texture alone has none; its figures are the most that any stride shows."""
    results = searched(40 + 150 * natural_texture(300, 280, 5)[0])
    assert period(results) is None
    result = result_at(results, None)
    assert (result.stride, result.verdict, result.status) == (NO_STRIDE, "none", "ok")
    assert result.floor == max(item.floor for item in results.values())


def test_two_periods_together_are_their_least_common_multiple() -> None:
    """A period of 2 and one of 3 repeat together after 6 pixels."""
    levels = 40 + 150 * natural_texture(400, 380, 5)[0]
    levels += 2 * periodic_pattern(400, 380, 2) + 2 * periodic_pattern(400, 380, 3)
    assert period(searched(levels)) == 6


def test_what_a_shorter_period_explains_is_not_named_by_a_longer_one() -> None:
    """Blocks of a codec add to a pattern of 2 at stride 8; the period stays 2."""
    none = {s: found(s, 0.0, "none") for s in STRIDES}
    assert period(none | {2: found(2, 2.0), 4: found(4, 2.02), 8: found(8, 2.3)}) == 2
    assert period(none | {2: found(2, 0.8), 4: found(4, 2.0), 8: found(8, 2.1)}) == 4
    assert period(none) is None


def test_a_multiple_has_to_explain_more_of_the_whole_picture() -> None:
    """Textures that a faint pattern makes clear in places do not hide its own period."""
    of_2 = whole(2, 0.6, 39.8, 0.0038)
    of_4 = whole(4, 1.6, 32.4, 0.0045)
    none = {s: found(s, 0.0, "none") for s in STRIDES}
    assert period(none | {2: of_2, 4: of_4}) == 2
    assert period(none | {2: of_2, 4: of_4._replace(contrast_db=37.0)}) == 4
    assert period(none | {2: of_2, 4: of_4._replace(contrast_db=33.8, ripple_rel=0.008)}) == 4
    assert period(none | {2: of_2._replace(contrast_db=5.0), 4: of_4}) == 4


def test_power_without_evidence_is_that_of_textures() -> None:
    """A multiple with more power and floor but no more evidence, or as much power, is no period."""
    none = {s: found(s, 0.0, "none") for s in STRIDES}
    of_3 = whole(3, 1.1, 43.0, 0.005)
    of_6 = whole(6, 4.5, 36.6, 0.02)._replace(floor=0.5)
    assert period(none | {3: of_3, 6: of_6}) == 3
    assert period(none | {3: of_3, 6: of_6._replace(floor=0.1)}) == 6
    of_3 = of_3._replace(contrast_db=30.0)
    assert period(none | {3: of_3, 6: of_6}) == 6
    assert period(none | {3: of_3, 6: of_6._replace(ripple_rel=0.0051)}) == 3


def test_the_whole_of_a_strong_pattern_is_measured() -> None:
    """A kernel of stride 8 has much of its pattern at 4, where the error is smaller."""
    of_4, of_8 = whole(4, 6.98, 56.9, 0.045), whole(8, 12.33, 48.8, 0.071)
    none = {s: found(s, 0.0, "none") for s in STRIDES}
    assert period(none | {4: of_4._replace(floor=0.42), 8: of_8._replace(floor=1.86)}) == 8


def test_a_divisor_has_to_explain_what_lies_between() -> None:
    """Where lines repeat at 8, the period of 4 is not passed over for a share of it at 2."""
    of_2 = whole(2, 1.11, 34.9, 0.0059)
    of_4 = whole(4, 1.89, 38.6, 0.0098)
    of_8 = whole(8, 5.96, 11.4, 0.0082)
    none = {s: found(s, 0.0, "none") for s in STRIDES}
    assert period(none | {2: of_2, 4: of_4, 8: of_8}) == 4
    of_3 = whole(3, 0.26, 31.9, 0.0022)
    of_6 = whole(6, 0.34, 28.0, 0.0028)._replace(floor=0.5)
    of_2 = of_2._replace(ripple=0.21, contrast_db=38.8, ripple_rel=0.0018)
    assert period(none | {2: of_2, 3: of_3, 6: of_6}) == 6
    assert period(none | {2: of_2, 6: of_6}) == 2


def test_a_pattern_of_the_whole_picture_goes_before_one_in_parts() -> None:
    """A texture that repeats in a part does not hide a pattern that is about as strong."""
    none = {s: found(s, 0.0, "none") for s in STRIDES}
    in_a_part = whole(2, 1.0, -4.9, 0.0)
    of_all = whole(3, 1.1, 39.6, 0.01)
    assert period(none | {2: in_a_part, 3: of_all}) == 3
    assert period(none | {2: in_a_part, 3: of_all._replace(ripple=0.5)}) == 2


def test_dither_is_not_called_after_its_parts() -> None:
    """Ordered dither of 8 pixels has most of its power at 2: it is named as a whole."""
    results = {2: found(2, 0.26), 4: found(4, 0.28), 8: found(8, 0.29, "dither")}
    assert period(results) == 8
    assert result_at(results, 8).verdict == "dither"
    assert period(results | {2: found(2, 4.0)}) == 2


def test_blocks_of_a_codec_are_named_where_nothing_else_is_found() -> None:
    """The search says what one stride alone says; a checkerboard goes before."""
    results = {2: found(2, 0.3, "none"), 8: found(8, 0.26, "codec blocks")}
    assert result_at(results, period(results)).verdict == "codec blocks"
    assert period(results | {2: found(2, 0.3)}) == 2
    blocks, more = results[8], found(8, 0.4, "none")
    assert max([more, blocks], key=_rank) is blocks
    assert max([blocks, found(8, 0.25)], key=_rank).verdict == "checkerboard"


def test_what_is_saturated_at_one_stride_cannot_be_told() -> None:
    """A picture is not free of a checkerboard where the true stride could not be looked at."""
    results = {2: Checkerboard((2, 2), status="saturated"), 3: found(3, 0.1, "none")}
    assert result_at(results, None).status == "saturated"


def test_a_flat_picture_has_no_period() -> None:
    """A constant picture is called that, and ranks below all that can be measured."""
    results = searched(np.full((100, 100), 80.0))
    assert period(results) is None
    constant = result_at(results, None)
    assert constant.status == "constant"
    unknown = Checkerboard((2, 2), status="too-small")
    ranked = sorted([found(2, 0.3), unknown, constant, found(2, 0.1, "none")], key=_rank)
    assert [one.status for one in ranked] == ["constant", "too-small", "ok", "ok"]
    assert ranked[-1].ripple == 0.3


def _rank(result: Checkerboard) -> tuple[int, int, float]:
    return result.rank
