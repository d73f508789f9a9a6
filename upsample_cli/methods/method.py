"""What a method is: plain settings that give the stages from one size to another.

A stage is one linear step. It makes any window of its output from the window of its input that
this output draws on; where that runs over the picture's edges, the caller supplies the extension.
So no method sees an edge, the result does not depend on how a picture is cut, and stages follow
one another without a whole picture between them.
"""

import dataclasses
import types
import typing
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from upsample_cli.errors import SettingError

if TYPE_CHECKING:  # kernels need NumPy, and `upsample --help` must not wait for that
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Planes, Size


class Stage(Protocol):
    """One linear step from planes to larger (or slightly smaller) planes."""

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that these output rows and columns need."""

    def __call__(self, window: "Planes", rows: range, columns: range) -> "Planes":
        """Return a window of the output from exactly the window of the input it draws on."""

    def touching(self) -> "Stage":
        """Return the stage that counts, of ones and zeros, the ones that an output draws on."""


class Method(Protocol):
    """A way to upsample: a frozen dataclass whose fields are its parameters."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def stages(self, size_in: "Size", size_out: "Size") -> "tuple[Stage, ...]":
        """Return the stages that take a picture from one size to another, none of them smaller."""

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the transposed convolution behind the stages; None for interpolation."""

    def __hash__(self) -> int:
        """Return what equal settings share: stages are kept for the next picture of one size."""


class Parameter(NamedTuple):
    """One setting of a method, as help, options, checks and reports see it.

    Args:
        name: Its field, with underscores.
        kind: `int` or `str`.
        default: Its value where none is given.
        help: What it does, 54 characters at most.
        choices: Words it can be, if they are few; with `file`, a path is one too.
        file: Whether a kernel file is a value.
        low: Least number.
        high: Greatest number.
    """

    name: str
    kind: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    file: bool = False
    low: int | None = None
    high: int | None = None

    @property
    def values(self) -> str:
        """The values it can have, in words."""
        if self.choices:
            return ", ".join(self.choices) + (" or a .npz or .npy file" if self.file else "")
        return f"{self.low}..{self.high}"

    def check(self, value: Any) -> None:
        """Refuse a value that is none of its own.

        Raises:
            SettingError: Names the parameter, the value and the choices.
        """
        if value is None and self.default is None:
            return
        option = f"--{self.name.replace('_', '-')}"
        if self.choices:
            if value in self.choices or (self.file and str(value).endswith((".npz", ".npy"))):
                return
            remedy = nearest(str(value), self.choices) or f"choose {self.values}"
            raise SettingError(f"no {self.name.replace('_', ' ')} '{value}'; {remedy}")
        low, high = self.low, self.high
        if not isinstance(value, int) or (
            low is not None and high is not None and not low <= value <= high
        ):
            raise SettingError(f"{option} {value} is out of range; give {self.values}")


def nearest(word: str, words: Iterable[str]) -> str:
    """Return "did you mean 'x'?" with the word most like another, empty if none is alike."""
    from difflib import get_close_matches  # only mistakes need it

    return "".join(f"did you mean '{near}'?" for near in get_close_matches(word, words, 1))


def parameter(default: Any, help: str, **limits: Any) -> Any:
    """Return the dataclass field of a parameter.

    Args:
        default: Its value where none is given.
        help: What it does, 54 characters at most.
        **limits: `choices`, `file`, `low`, `high` as in `Parameter`.
    """
    return dataclasses.field(default=default, metadata={"help": help, **limits})


def parameters(method: type[Method]) -> Iterator[Parameter]:
    """Yield the parameters of a method, in order."""
    hints = typing.get_type_hints(method)
    for spec in dataclasses.fields(method):  # type: ignore[arg-type] # Method is a protocol
        hint = hints[spec.name]
        kind = hint if not isinstance(hint, types.UnionType) else typing.get_args(hint)[0]
        yield Parameter(spec.name, kind, spec.default, **spec.metadata)


def check(method: Method) -> None:
    """Refuse a method whose settings cannot be; for `__post_init__`.

    Raises:
        SettingError: The first parameter that is out of its limits.
    """
    for each in parameters(type(method)):
        each.check(getattr(method, each.name))
