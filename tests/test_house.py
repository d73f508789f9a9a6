"""The limits on the size of the package's parts; `python tests/house.py` prints the figures."""

import house


def test_no_module_is_long() -> None:
    """A module has at most 250 lines."""
    assert [item for item in house.line_counts().items() if item[1] > 250] == []


def test_no_function_is_long() -> None:
    """A function has at most 40 lines besides its docstring."""
    assert [item for item in house.function_lengths().items() if item[1] > 40] == []


def test_no_folder_is_crowded() -> None:
    """A folder has at most 16 modules besides its `__init__.py`."""
    assert [item for item in house.folder_sizes().items() if item[1] > 16] == []


def test_no_file_name_stands_twice() -> None:
    """A module's name says which one it is; only a command and its job share one."""
    assert list(house.repeated_stems()) == []


def test_a_class_name_has_one_meaning() -> None:
    """No two classes share a name."""
    assert house.repeated_classes() == []


def test_contributing_shows_every_folder() -> None:
    """The picture of the house in CONTRIBUTING names each room and sub-package."""
    text = (house.ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
    assert [name for name in house.folder_sizes() if f"{name.split('/')[-1]}/ " not in text] == []
