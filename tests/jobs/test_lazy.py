import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType

import PIL.Image
import pytest
from textures import levels

from upsample_cli.jobs import lazy

Importing = Callable[[str], ModuleType]


@pytest.fixture
def importing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Importing]:
    """Import, lazily, a module of this text, which is told in `runs` when it is run."""
    name = f"seldom_{request.node.name.partition('[')[0]}"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])

    def imported(text: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        lazy.imports([name])
        return import_module(name)

    yield imported
    sys.modules.pop(name, None)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hold what modules tell as they are run."""
    told: list[str] = []
    monkeypatch.setattr(sys, "told", told, raising=False)
    return told


def test_a_module_runs_at_the_first_look(importing: Importing, runs: list[str]) -> None:
    """To import a module, even again, does not run it; a look does, and once."""
    module = importing("import sys\nsys.told.append('run')\nvalue = 3\n")
    again = import_module(module.__spec__.name)  # type: ignore[union-attr] # it has been found
    assert again is module
    assert runs == []
    assert (module.value, again.value, vars(module)["value"]) == (3, 3, 3)
    assert runs == ["run"]
    assert type(module) is ModuleType


def test_a_name_taken_from_a_module_runs_it(importing: Importing, runs: list[str]) -> None:
    """`from module import name` finds the name."""
    module = importing("import sys\nsys.told.append('run')\nvalue = 3\n")
    found: dict[str, object] = {}
    exec(f"from {module.__spec__.name} import value", found)  # type: ignore[union-attr] # as above
    assert found["value"] == 3
    assert runs == ["run"]


def test_a_module_may_look_at_itself(importing: Importing) -> None:
    """What a module does to itself while it runs goes on."""
    module = importing("import sys\nme = sys.modules[__name__]\none = 1\nme.two = me.one + 1\n")
    assert module.two == 2


def test_no_thread_sees_half_a_module(importing: Importing, runs: list[str]) -> None:
    """Where threads look at once, one runs the module and the others wait."""
    text = "import sys, time\nsys.told.append('run')\ntime.sleep(0.05)\nvalue = 3\n"
    module = importing(text)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: module.value, range(8))) == [3] * 8
    assert runs == ["run"]


def test_a_look_begun_before_a_module_has_run_ends_after(importing: Importing) -> None:
    """A thread that is on its way into a module finds what another has run meanwhile."""
    module = importing("value = 3\n")
    look = type(module).__getattribute__
    assert module.value == 3
    assert look(module, "value") == 3


def test_a_module_is_its_own_again(importing: Importing) -> None:
    """Once it has run, a module is told from no other."""
    module = importing("value = 3\n")
    assert module.value == 3
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    assert type(module.__loader__).__module__ == "_frozen_importlib_external"


def test_a_module_that_cannot_run_says_so(importing: Importing, runs: list[str]) -> None:
    """A module's own error comes at every look, until it can be run."""
    text = "import sys\nsys.told.append('run')\nvalue = 6 // (len(sys.told) - 2)\n"
    module = importing(text.replace("- 2", "// 3"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = module.value
    assert module.value == 6


def test_what_is_not_there_is_missing_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lazy import of no module fails at once, and a name that a module lacks at the look."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    lazy.imports(["no_module_of_this_name"])
    with pytest.raises(ModuleNotFoundError, match="no_module_of_this_name"):
        import_module("no_module_of_this_name")


def test_a_picture_runs_no_module_that_is_seldom_used(tmp_path: Path) -> None:
    """A PNG is enlarged without what `process` names, all of which is imported."""
    path = tmp_path / "in.png"
    PIL.Image.fromarray(levels(40, 40, 3)).save(path)
    code = (
        "import os, sys\n"
        "before = set(sys.modules)\n"  # `python -c` itself has what it needs
        "def leave(code):\n"
        "    from upsample_cli.jobs import process\n"
        "    names = set(process._SELDOM_USED) - before\n"
        "    kinds = [type(sys.modules[name]) for name in names]\n"
        "    print(code, *{kind.__name__ for kind in kinds}, flush=True)\n"
        "    end(0)\n"
        "end, os._exit = os._exit, leave\n"
        f"sys.argv[1:] = [{str(path)!r}, {str(tmp_path / 'out.png')!r}, '--jobs=2', '--quiet']\n"
        "from upsample_cli.__main__ import main\n"
        "main()\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert made.stdout.decode().split() == ["0", "_Lazy"], made.stdout


def test_libraries_do_without_the_documentation_of_numpy() -> None:
    """What the project imports from libraries can be imported in a process of ours."""
    code = (
        "from upsample_cli.jobs import process\n"
        "process.prepare()\n"
        "import numpy.ma, scipy.linalg, scipy.ndimage, scipy.optimize, scipy.sparse\n"
        "import PIL.TiffImagePlugin, PIL.WebPImagePlugin, PIL.GifImagePlugin, PIL.ExifTags\n"
        "assert PIL.ExifTags.Base.Orientation == 0x0112\n"
        "from importlib.util import find_spec\n"
        "for name in 'dask', 'distributed', 'onnx', 'safetensors', 'tifffile', 'fsspec':\n"
        "    if find_spec(name):\n"
        "        __import__(name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
