"""The base classes of methods: frozen settings that give the stages from one size to another.

A stage is one step. It computes any window of its output from exactly the window of its input that
this output draws on. Where the input window extends beyond the picture's edges, the caller fills it
in. So, apart from networks in ONNX, no stage sees an edge, and the result does not depend on how a
picture is cut. Stages follow one another without a whole picture between them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from upsample_cli.errors import SettingError, did_you_mean

if TYPE_CHECKING:  # the kernels need NumPy, and `upsample --help` must not wait for it
    from upsample_cli.kernels.kernel import Kernel
    from upsample_cli.planes import Planes, Size


_NUMBERS = {int: (int,), float: (int, float)}  # types that a value of each kind may have


class Stage(Protocol):
    """One step from planes to planes of another size.

    A stage whose output pixels are all copies of input pixels has a true attribute `copies`.
    """

    def draws_on(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the input rows and columns that these output rows and columns need."""

    def __call__(self, window: "Planes", rows: range, columns: range) -> "Planes":
        """Return a window of the output, given exactly the window of the input it draws on."""

    def counting(self) -> "Stage":
        """Return a stage for masks: it counts the marked input pixels that each output draws on."""


def windows_of(stages: Sequence[Stage], rows: range, columns: range) -> list[tuple[range, range]]:
    """Return the output window, then the one that each stage draws on, last stage first."""
    windows = [(rows, columns)]
    for stage in reversed(stages):
        windows.append(stage.draws_on(*windows[-1]))
    return windows


class Parameter(NamedTuple):
    """One setting of a method: its option, its help, and the values it can have.

    Args:
        name: The field's name, with underscores.
        default: The default value.
        help: What it is, 54 characters at most.
        choices: The words that are values; empty for a number.
        file: What help calls a file whose path is a value too, "a .npz file"; empty for none.
        suffix: The suffix of files, if every value is a path; empty if not.
        low: The least number that is a value.
        high: The greatest number that is a value.
    """

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    file: str = ""
    suffix: str = ""
    low: int = 0
    high: int = 0

    @property
    def kind(self) -> type:
        """The type of its values; a parameter whose default is None takes whole numbers."""
        return int if self.default is None else type(self.default)

    @property
    def option(self) -> str:
        """Its option on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def values(self) -> str:
        """The values it can have, in words for the user."""
        if self.suffix:
            return f"a {self.suffix} file"
        if self.kind is bool:
            return "yes or no"
        if self.choices:
            return ", ".join(self.choices) + (f" or {self.file}" if self.file else "")
        return f"{self.low}..{self.high}"

    def check(self, value: Any) -> None:
        """Raise a `SettingError` if `value` is not one that it can have."""
        if value is None and self.default is None:
            return
        if self.suffix and value and not str(value).lower().endswith(self.suffix):
            raise SettingError(
                f"{self.option} {value} is not a {self.suffix} file; name such a file"
            )
        if self.kind is bool and value not in (True, False):
            raise SettingError(f"invalid {self.option} '{value}'; give True or False")
        if self.suffix or self.kind is bool:
            return
        if self.choices:
            if value not in self.choices and not (self.file and is_kernel_file(str(value))):
                near = did_you_mean(str(value), self.choices) if self.file else ""
                remedy = near or f"choose {self.values}"
                what = f"no {self.name}" if self.file else f"invalid {self.option}"
                raise SettingError(f"{what} '{value}'; {remedy}")
        elif not isinstance(value, _NUMBERS[self.kind]) or not self.low <= value <= self.high:
            limits = f"{self.low} to {self.high}"
            raise SettingError(f"{self.option} {value} is out of range; give {limits}")


def parameter(default: Any, help: str, kw_only: bool = False, **limits: Any) -> Any:
    """Return a field of a method; `limits` are further arguments of its `Parameter`."""
    return field(default=default, kw_only=kw_only, metadata={"help": help, **limits})


@dataclass(frozen=True, slots=True)
class Method(ABC):
    """A way to upsample: a frozen, hashable value of plain settings.

    A method is a frozen dataclass whose fields are made by `parameter`.

    Attributes:
        name: Its name on the command line.
        summary: What it does, 54 characters at most.
        is_linear: Whether it can enlarge feature maps and labels too, not pictures alone.

    Raises:
        SettingError: A setting is out of range, or two do not go together.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    is_linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check each setting, then all of them together."""
        for item in self.parameters():
            item.check(getattr(self, item.name))
        self.check()

    @property
    def copies(self) -> bool:
        """Whether every output pixel is a copy of an input pixel, so palette indices stay valid."""
        return False

    def check(self) -> None:  # noqa: B027 # most methods have nothing to check
        """Raise a `SettingError` for settings that do not go together."""

    @property
    def own_scale(self) -> float:
        """The scale to use where none is given."""
        return 2.0

    @property
    def flat_ripple(self) -> float:
        """Ripple that a method without a kernel adds to flat pictures: RMS over their level."""
        return 0.0

    def facts(self) -> dict[str, object]:
        """Return facts about it, beyond its settings, for JSON output."""
        return {}

    def files(self) -> tuple[str, ...]:
        """Return the paths of the files that it reads: of a kernel, weights or a network."""
        values = ((item, getattr(self, item.name)) for item in self.parameters())
        return tuple(v for p, v in values if v and (p.suffix or (p.file and is_kernel_file(v))))

    def notes(self) -> tuple[str, ...]:
        """Return notes on what a user of the method may not expect."""
        return ()

    def rows_at_once(self, size: "Size", scale: float) -> int:
        """Return how many rows of an output of this size are best computed at once; 0 for any."""
        return 0

    def memory(self, size_in: "Size", size_out: "Size", window: "Size", threads: int) -> int:
        """Return the bytes that threads need beside strips to compute a window each; 0 for few."""
        return 0

    def check_for(self, what: str) -> None:
        """Raise a `SettingError` if it is for pictures alone; `what` names the other input."""
        if not self.is_linear:
            raise SettingError(f"-m {self.name} is for pictures, not for {what}; pass -m tconv")

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """Return the method's parameters: first its own, then those that methods share."""
        settable = (item for item in fields(cls) if item.metadata)
        own_first = sorted(settable, key=lambda item: item.kw_only is True)
        return tuple(Parameter(item.name, item.default, **item.metadata) for item in own_first)

    @classmethod
    def backends(cls) -> tuple[str, ...]:
        """Return the backends that can compute it: the choices of `backend`, or `fast` alone."""
        choices = (item.choices for item in cls.parameters() if item.name == "backend")
        return next(choices, ("fast",))

    @abstractmethod
    def stages(self, size_in: "Size", size_out: "Size") -> "tuple[Stage, ...]":
        """Return the stages that take a picture from one size to another."""

    def equivalent(self, scale: float) -> "Kernel | None":
        """Return the transposed convolution that equals all stages together; None if none does."""
        return None


@dataclass(frozen=True, slots=True)
class RingingMethod(Method):
    """A method that can overshoot at edges, with a setting that holds the overshoot back.

    Args:
        antiring: Share of the overshoot to remove, 0..1; see the module `antiring`.
    """

    neighbourhood: ClassVar[int] = 1  # reach for antiringing, in input pixels
    antiring: float = parameter(0.0, "hold back overshoot, 0 to 1", kw_only=True, low=0, high=1)

    @property
    def rings(self) -> bool:
        """Whether it can overshoot: go beyond the range of its input."""
        return True

    def check(self) -> None:
        """Raise a `SettingError` for settings that do not go together."""
        if self.antiring and not self.rings:
            raise SettingError("--antiring is for kernels with negative taps; leave it out")

    def stages(self, size_in: "Size", size_out: "Size") -> "tuple[Stage, ...]":
        """Return the stages that take a picture from one size to another, with antiringing."""
        stages = self.stages_before_antiring(size_in, size_out)
        if not self.antiring or all(getattr(stage, "copies", False) for stage in stages):
            return stages
        from upsample_cli.methods.antiring import AntiRing, Neighbours

        sides = zip(size_in, size_out, strict=True)
        rows, columns = (Neighbours(*lengths, self.neighbourhood) for lengths in sides)
        return (AntiRing(stages, rows, columns, self.antiring),)

    @abstractmethod
    def stages_before_antiring(self, size_in: "Size", size_out: "Size") -> "tuple[Stage, ...]":
        """Return the stages without antiringing."""


def is_kernel_file(kernel: str) -> bool:
    """Return whether `kernel` is the path of a kernel file, not a name; judged by its suffix."""
    return kernel.lower().endswith((".npz", ".npy"))
