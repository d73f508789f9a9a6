import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upsample_cli.errors import ImageFileError
from upsample_cli.images.places.place import Place, parse
from upsample_cli.images.read import array_files


@given(
    st.sampled_from(["<f2", ">f4", "f8", "u1", ">i2", "i8"]),
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from(["C", "F"]),
)
def test_numpy_reads_written_arrays(kind: str, shape: list[int], order: Any) -> None:
    """Every type, byte order, shape and memory layout is kept by both formats."""
    count = int(np.prod(shape))
    array = np.arange(count).astype(kind).reshape(shape, order=order)
    for format in array_files.FORMATS_OF_ARRAYS:
        file = io.BytesIO()
        array_files.write(
            {"file": array} if format == "npz" else {array_files.UNNAMED: array}, format, file
        )
        file.seek(0)
        loaded = np.load(file)
        loaded = loaded["file"] if format == "npz" else loaded
        assert loaded.dtype == array.dtype
        np.testing.assert_array_equal(loaded, array)


def test_the_content_decides_the_format(tmp_path: Path) -> None:
    """The first bytes decide, not the suffix; the names in an archive are kept."""
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.zeros((2, 2), np.int8))
    (tmp_path / "two.npz").rename(tmp_path / "two.npy")
    loaded = array_files.read(parse(tmp_path / "two.npy"))
    assert {name: array.dtype.str for name, array in loaded.items()} == {"a": "<f8", "b": "|i1"}


def good() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(100.0))
    return file.getvalue()


def archive(member: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", member)
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}], object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x89PNG\r\n", "is not an intact NumPy file; give a .npy or .npz"),
        (b"\x80\x04K\x01.", "is not an intact NumPy file"),
        (good()[:500], "is damaged"),
        (good()[:20], "is damaged"),
        pytest.param(
            good().replace(b"(100,)", b"(-10,)"),
            "is damaged",
            marks=pytest.mark.skipif(
                np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="read as any number of values"
            ),
        ),
        (good().replace(b"(100,), }   ", b"(10**12,), }"), "is damaged"),
        (good().replace(b"(100,), }" + b" " * 20, b"(%d, 0), }" % 10**20), "is damaged"),
        (good().replace(b"(100,), }", b"(100,  ) "), "is damaged"),
        (good().replace(b"'<f8'", b"'x99'"), "is damaged"),
        (pickled(), "holds Python objects, which can run code; save an array of numbers"),
        (archive(pickled()), "holds Python objects"),
        (archive(good()[:300]), "is damaged"),
        (archive(b"text"), "does not hold NumPy arrays; give another"),
        (b"PK\x05\x06" + bytes(18), "does not hold NumPy arrays"),
        (archive(good())[:400], "is damaged"),
    ],
)
def test_broken_and_hostile_files_are_refused(tmp_path: Path, data: bytes, fault: str) -> None:
    """Broken files end in an error, without unpickling or huge allocations."""
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    with pytest.raises(ImageFileError, match=fault):
        array_files.read(parse(path))


def test_a_npy_holds_one_array() -> None:
    """Several arrays go into a .npz only."""
    with pytest.raises(ImageFileError, match="holds one array, not 2; write a"):
        array_files.write({"a": np.ones(1), "b": np.ones(1)}, "npy", io.BytesIO())


def test_a_file_may_be_cut_once_it_is_read(tmp_path: Path) -> None:
    """Arrays are in memory: one mapped to a file that is cut would end the process by a signal."""
    np.save(tmp_path / "a.npy", np.arange(10_000.0))
    array = array_files.read(Place(str(tmp_path / "a.npy")))[array_files.UNNAMED]
    os.truncate(tmp_path / "a.npy", 0)
    assert array.sum() == sum(range(10_000))
