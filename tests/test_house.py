"""The limits on the size of the package's parts; `python tests/house.py` prints the figures."""

import house


def test_no_module_is_long() -> None:
    """A module has at most 250 lines."""
    assert [item for item in house.line_counts().items() if item[1] > 250] == []


def test_a_class_name_has_one_meaning() -> None:
    """No two classes share a name."""
    assert house.repeated_classes() == []
