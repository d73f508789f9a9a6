"""What a method is: plain settings that give the stages from one size to another.

A stage is one linear step. It makes any window of its output from the window of its input that
this output draws on; where that runs over the picture's edges, the caller supplies the extension.
So no method sees an edge, the result does not depend on how a picture is cut, and stages follow
one another without a whole picture between them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
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


class Parameter(NamedTuple):
    """One setting of a method, as help, options, checks and reports see it.

    Args:
        name: Its attribute, with underscores.
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


class Method(ABC):
    """A way to upsample: a value that its settings make, which cannot be changed.

    Args:
        **settings: Values by parameter; what is not given has its default.

    Attributes:
        name: The word for it.
        summary: What it does, 54 characters at most.
        parameters: What can be set; each is an attribute too.

    Raises:
        SettingError: The first setting that cannot be.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(self, **settings: Any) -> None:
        for each in self.parameters:
            value = settings.pop(each.name, each.default)
            each.check(value)
            self.__dict__[each.name] = value
        if settings:
            raise TypeError(f"{self.name} has no parameter {', '.join(settings)}")
        self.check()

    def check(self) -> None:  # noqa: B027 # most have none that do not
        """Refuse settings that do not go together."""

    @abstractmethod
    def stages(self, size_in: "Size", size_out: "Size") -> "tuple[Stage, ...]":
        """Return the stages that take a picture from one size to another, none of them smaller.

        Args:
            size_in: Height and width of the input.
            size_out: Height and width of the output.
        """

    @abstractmethod
    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the transposed convolution behind the stages; None for interpolation."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: who keeps what a method made finds it again by its settings."""
        raise AttributeError(f"{self.name} cannot be changed; build another")

    def __eq__(self, other: object) -> bool:
        """Tell whether another is of the same settings."""
        return isinstance(other, Method) and self._key() == other._key()

    def __hash__(self) -> int:
        """Return what equal settings share: stages are kept for the next picture of one size."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Return the call that builds it."""
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def _key(self) -> tuple[Any, ...]:
        return type(self), *vars(self).values()


def nearest(word: str, words: Iterable[str]) -> str:
    """Return "did you mean 'x'?" with the word most like another, empty if none is alike."""
    from difflib import get_close_matches  # only mistakes need it

    return "".join(f"did you mean '{near}'?" for near in get_close_matches(word, words, 1))
