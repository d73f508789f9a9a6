import numpy as np
import pytest
from textures import natural_texture, periodic_pattern

from upsample_cli.metrics.checkerboard import NO_STRIDE, STRIDES, period, result_at
from upsample_cli.metrics.meter import Search
from upsample_cli.metrics.rows import Rows


def searched(levels: np.ndarray) -> Search:
    search = Search(*levels.shape)
    search.feed(Rows(levels.astype(np.float32)))
    return search


@pytest.mark.parametrize("stride", STRIDES)
def test_the_shortest_period_is_found(stride: int) -> None:
    """A pattern is found at its own period, and not at a multiple or a part of it."""
    levels = 40 + 150 * natural_texture(300, 280, 5)[0] + 2 * periodic_pattern(300, 280, stride)
    assert period(searched(levels).own_ripples()) == stride


def test_no_period_is_found_in_a_picture_without() -> None:
    """Texture alone has none; its figures are the most that any stride shows."""
    search = searched(40 + 150 * natural_texture(300, 280, 5)[0])
    assert period(search.own_ripples()) is None
    results = search.results()
    result = result_at(results, None)
    assert (result.stride, result.verdict, result.status) == (NO_STRIDE, "none", "ok")
    assert result.floor == max(item.floor for item in results.values())


def test_two_periods_together_are_their_least_common_multiple() -> None:
    """A period of 2 and one of 3 repeat together after 6 pixels."""
    levels = 40 + 150 * natural_texture(300, 280, 5)[0]
    levels += 2 * periodic_pattern(300, 280, 2) + 2 * periodic_pattern(300, 280, 3)
    assert period(searched(levels).own_ripples()) == 6


def test_what_is_too_long_together_gives_way_to_the_strongest() -> None:
    """5 and 7 would repeat together after 35 pixels: the stronger one is told."""
    ripples = dict.fromkeys(STRIDES, 0.0) | {5: 1.0, 7: 3.0}
    assert period(ripples) == 7


def test_traces_of_a_strong_pattern_do_not_count() -> None:
    """What a very strong pattern leaves at other strides is no period of its own."""
    assert period({2: 0.3, 3: 20.0, 6: 0.0}) == 3


def test_a_flat_picture_has_no_period() -> None:
    """A constant picture is called that."""
    search = searched(np.full((100, 100), 80.0))
    assert period(search.own_ripples()) is None
    assert result_at(search.results(), None).status == "constant"
