"""Imports: which room may use which, and in which room each foreign library is used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "upsample_cli"
FLOORS = {
    "commands": 5, "jobs": 4, "methods": 3, "kernels": 2, "metrics": 2, "images": 2, "networks": 2,
    "memory": 1, "process": 1, "errors": 0, "planes": 0,
}  # fmt: skip
# The order of the sub-packages inside a room; "" stands for the modules directly in the room.
INNER_FLOORS = {
    "commands": {"arguments": 1, "output": 1, "": 2},
    "jobs": {
        "audit": 2, "enlarge": 3, "batch": 4, "measure": 5, "train": 6,
        "compare": 6, "": 7,
    },
    "networks": {"": 1, "enlargers": 2},
    "images": {"places": 1, "figures": 1, "": 2, "write": 4, "read": 5},
}  # fmt: skip
HOMES = {
    "click": {"commands"},
    "PIL": {"images"},
    "isal": {"images"},
    "fsspec": {"images"},
    "s3fs": {"images"},
    "tifffile": {"images"},
    "tqdm": {"commands"},
    "pathspec": {"jobs"},
    "distributed": {"jobs"},
    "torch": {"jobs"},
    "concurrent": {"jobs"},
    "multiprocessing": {"jobs"},
    "scipy": {"kernels", "methods"},
    "onnx": {"networks"},
    "onnxruntime": {"networks"},
    "safetensors": {"networks"},
    "google": {"networks"},
}
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE]


def room_of(path: Path) -> str:
    """Return the room that a module lies in, however deep."""
    return path.relative_to(PACKAGE).parts[0]


def folder_of(path: Path) -> str:
    """Return the sub-package of its room that a module lies in, or ""."""
    return "/".join(path.relative_to(PACKAGE).parts[1:-1])


def imports(source: str) -> Iterator[str]:
    """Yield every module imported anywhere in a source: late and type-checking ones too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow ends"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults(room: str, source: str) -> list[str]:
    """Return the imports of a source that its room may not have."""
    found = []
    for name in imports(source):
        first, *rest = name.split(".")
        if first == "upsample_cli":
            target = rest[0] if rest else ""
            if target != room and FLOORS.get(target, 9) >= FLOORS[room]:
                found.append(name)
        elif room not in HOMES.get(first, {room}):
            found.append(name)
    return found


def inner_faults(room: str, folder: str, source: str) -> set[str]:
    """Return the arrows from a sub-package to others of its room that do not point down."""
    floors = INNER_FLOORS.get(room, {"": 1})
    targets = set()
    for name in imports(source):
        top, *rest = name.split(".")
        if top == "upsample_cli" and rest[0] == room and len(rest) > 1:
            targets.add(rest[1] if rest[1] in floors else "")
    return {
        f"{room}/{folder} -> {room}/{target}"
        for target in targets - {folder}
        if floors[target] >= floors[folder]
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.relative_to(PACKAGE)}")
def test_imports_point_down_inside_a_room(path: Path) -> None:
    """A sub-package uses only those below it, so that no circle is possible."""
    assert inner_faults(room_of(path), folder_of(path), path.read_text()) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.relative_to(PACKAGE)}")
def test_imports_point_down(path: Path) -> None:
    """A room knows only rooms on lower floors and itself; a foreign library has one home."""
    assert faults(room_of(path), path.read_text()) == []


@pytest.mark.parametrize("name", ["errors", "planes", "memory", "process"])
def test_the_lowest_floors_know_no_room(name: str) -> None:
    """The modules that all rooms share import only those below them."""
    assert faults(name, (PACKAGE / f"{name}.py").read_text()) == []


def test_the_rooms_are_those() -> None:
    """No room is without a floor, and nothing else lies at the top of the package."""
    rooms = {room_of(path) for path in MODULES}
    top = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert rooms | top == set(FLOORS)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("kernels", "from upsample_cli.methods.method import Method"),
        ("kernels", "from upsample_cli.metrics import ripple"),
        ("methods", "def f():\n    from upsample_cli.jobs import strips"),
        ("jobs", "if TYPE_CHECKING:\n    import upsample_cli.commands.app"),
        ("jobs", "from upsample_cli import upsample"),
        ("jobs", "import click"),
        ("commands", "from PIL import Image"),
        ("methods", "import tqdm"),
        ("images", "from concurrent.futures import Executor"),
        ("jobs", "import scipy.ndimage"),
    ],
)
def test_an_arrow_that_points_up_is_seen(room: str, source: str) -> None:
    """The test above can fail: each of these is an arrow it refuses."""
    assert len(faults(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "folder", "source"),
    [
        ("jobs", "enlarge", "from upsample_cli.jobs.batch.plan import Plan"),
        ("jobs", "audit", "def f():\n    import upsample_cli.jobs.batch.plan"),
        ("jobs", "batch", "from upsample_cli.jobs import measure"),
        ("images", "write", "from upsample_cli.images.read.files import read"),
        ("images", "places", "from upsample_cli.images.image import Image"),
        ("commands", "output", "from upsample_cli.commands.app import app"),
    ],
)
def test_an_inner_arrow_that_points_up_is_seen(room: str, folder: str, source: str) -> None:
    """The test of sub-packages can fail: each of these is an arrow it refuses."""
    assert len(inner_faults(room, folder, source)) == 1


def test_every_sub_package_has_a_floor() -> None:
    """The table of floors names the sub-packages that there are, and no other."""
    folders: dict[str, set[str]] = {}
    for path in MODULES:
        folders.setdefault(room_of(path), set()).add(folder_of(path))
    for room, names in folders.items():
        assert names | {""} == set(INNER_FLOORS.get(room, {"": 1}))


def test_the_face_is_short_and_defines_nothing_but_its_door() -> None:
    """The face hands public names on in under 45 lines."""
    source = (PACKAGE / "__init__.py").read_text()
    assert len(source.splitlines()) < 45
    defined = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    functions = [
        node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)
    ]
    assert defined == []
    assert functions == ["__getattr__", "__dir__"]
