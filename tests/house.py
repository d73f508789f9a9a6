"""Print the size of the package: `python tests/house.py`. The tests hold the limits."""

import ast
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from terminal import imported_modules

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "upsample_cli"


def modules() -> list[Path]:
    """Return every module of the package, `__init__.py` files included."""
    return sorted(PACKAGE.rglob("*.py"))


def line_counts() -> dict[str, int]:
    """Return the lines of each module by its path below the package, longest first."""
    counts = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in modules()
    }
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def room_totals() -> dict[str, tuple[int, int]]:
    """Return lines and modules of each room; files at the top count as the room "top"."""

    def room(item: tuple[str, int]) -> str:
        return item[0].split("/")[0] if "/" in item[0] else "top"

    totals = {}
    for name, group in groupby(sorted(line_counts().items(), key=room), key=room):
        lines = [count for _, count in group]
        totals[name] = (sum(lines), len(lines))
    return totals


def folder_sizes() -> dict[str, int]:
    """Return how many modules each folder holds directly, `__init__.py` left out, fullest first."""
    return dict(
        Counter(
            path.parent.relative_to(ROOT).as_posix()
            for path in modules()
            if path.name != "__init__.py"
        ).most_common()
    )


def repeated_stems() -> Iterator[str]:
    """Yield file names that stand twice, but for a command that is named as its job."""
    stems: dict[str, list[str]] = {}
    for name in sorted(line_counts()):
        stems.setdefault(Path(name).stem, []).append(name)
    for stem, names in stems.items():
        command, job = (names * 2)[:2]
        is_pair = len(names) == 2 and command == f"commands/{stem}.py" and job.startswith("jobs/")
        if len(names) > 1 and not is_pair and stem != "__init__":
            yield ", ".join(names)


def repeated_classes() -> list[str]:
    """Return the names that more than one class has."""
    names = Counter(
        node.name
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    return [name for name, count in names.items() if count > 1]


def function_lengths() -> dict[str, int]:
    """Return the lines of each function besides its docstring by its place, longest first."""
    lengths = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = (ast.get_docstring(node, clean=False) or "").splitlines()
                place = f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno} {node.name}"
                lengths[place] = (node.end_lineno or node.lineno) - node.lineno + 1 - len(docstring)
    return dict(sorted(lengths.items(), key=lambda item: -item[1]))


def loaded_modules() -> list[str]:
    """Return our modules that `upsample in.png out.png` imports."""
    with tempfile.TemporaryDirectory() as folder:
        names = imported_modules(
            ROOT / "sample_images" / "coffee.png", "out.png", folder=Path(folder)
        )
    return sorted(name for name in names if name.split(".")[0] == PACKAGE.name)


def main() -> None:
    """Print all figures."""
    counts, folders = line_counts(), folder_sizes()
    print(f"modules: {len(counts)}, lines: {sum(counts.values())}")
    for name, (lines, number) in room_totals().items():
        print(f"  {name}: {lines} lines, {number} modules")
    print("largest modules:", ", ".join(f"{name} {n}" for name, n in list(counts.items())[:3]))
    print("largest folders:", ", ".join(f"{name} {n}" for name, n in list(folders.items())[:3]))
    longest = list(function_lengths().items())[:3]
    print("longest functions:", ", ".join(f"{name} {n}" for name, n in longest))
    print("stems twice:", "; ".join(repeated_stems()) or "none")
    print("classes twice:", ", ".join(repeated_classes()) or "none")
    print(f"loaded by `upsample in.png out.png`: {len(loaded_modules())} modules")


if __name__ == "__main__":
    main()
