"""A network as a graph of nodes that onnxruntime can run, whole or in part."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper
from onnx.numpy_helper import from_array

Array = NDArray[Any]
FLOAT = int(TensorProto.FLOAT)
_NEWEST_IR = 10  # version of the format that every supported onnxruntime reads
_NODE = re.compile(r"Name:'(\d+)'|Node, \(\"(\d+)\"|[Nn]ode ?\(?:? ?(\d+)\b|'(\d+) : ")
# What moves numbers to other places, and what adds them up, by which inputs may be the picture's.
_FIRST, _ALL = frozenset((0,)), frozenset(range(1000))
_LINEAR = dict.fromkeys((
    "AveragePool", "BatchNormalization", "Cast", "Col2Im", "DepthToSpace", "Div", "Dropout",
    "Einsum", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Neg", "Pad",
    "ReduceMean", "ReduceSum", "ReorderInput", "ReorderOutput", "Reshape", "Slice", "SpaceToDepth",
    "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
), _FIRST) | dict.fromkeys(("Add", "Concat", "Mean", "Mul", "Sub", "Sum"), _ALL) | {
    "ScatterElements": frozenset((0, 2)), "ScatterND": frozenset((0, 2)),
    "Where": frozenset((1, 2)),
}  # fmt: skip
LAST_STEPS = frozenset((
    "Col2Im", "Concat", "DepthToSpace", "Einsum", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "ReorderOutput", "Reshape", "ScatterElements", "ScatterND", "Tile",
))  # fmt: skip # what can be the last step of putting channels between pixels

onnxruntime.set_default_logger_severity(4)  # it would write to the terminal
_QUIET = onnxruntime.RunOptions()
_QUIET.log_severity_level = 4


class RunError(Exception):
    """Why a graph does not run; `node` is the name of the node at fault, if known."""

    def __init__(self, reason: str, node: str = "") -> None:
        super().__init__(reason)
        self.node = node


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The nodes of a network, in the order in which they run.

    Args:
        nodes: Each with a name of its own.
        titles: By a node's name the path to its graph, and what its author called it.
        constants: By name; after a trial run also values that do not depend on the picture.
        inputs: What the model takes.
        outputs: Names of what it returns.
        opsets: Version of each domain of operators.
        faults: Why a tensor cannot be read, by its name.
        varying: Names of values that depend on the picture by more than its size.
        shapes: Of those that a trial run reached.
    """

    nodes: tuple[NodeProto, ...]
    titles: Mapping[str, tuple[str, str]]
    constants: Mapping[str, Array]
    inputs: tuple[ValueInfoProto, ...]
    outputs: tuple[str, ...]
    opsets: Mapping[str, int]
    faults: Mapping[str, str]
    varying: frozenset[str] = frozenset()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    producers: dict[str, NodeProto] = field(init=False)
    consumers: dict[str, list[NodeProto]] = field(init=False)

    def __post_init__(self) -> None:
        """Index what the graph has by name."""
        consumers: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                consumers.setdefault(name, []).append(node)
        producers = {name: node for node in self.nodes for name in node.output if name}
        object.__setattr__(self, "producers", producers)
        object.__setattr__(self, "consumers", consumers)

    def title(self, node: NodeProto) -> str:
        """Return what a node is called: its operator, and its author's name."""
        return f"{node.op_type} ({''.join(self.titles.get(node.name, ('', node.name)))})"

    def taken(self, node: NodeProto) -> list[str]:
        """Return the inputs of a node that depend on the picture by more than its size."""
        return [name for name in dict.fromkeys(node.input) if name in self.varying]

    def part(
        self,
        nodes: Sequence[NodeProto],
        inputs: Mapping[str, int],
        outputs: Iterable[str],
        instead: Mapping[str, Array] | None = None,
    ) -> "Session":
        """Return nodes as something to run.

        Args:
            nodes: In the order in which they run.
            inputs: Type of element of each value to feed.
            outputs: Names of the values to fetch.
            instead: Constants that replace those of the same name.

        Raises:
            RunError: They cannot run.
        """
        used = {name for node in nodes for name in node.input} | set(outputs)
        known = {**self.constants, **(instead or {})}
        there = {name for node in nodes for name in node.output} | set(inputs)
        tensors = [from_array(known[name], name) for name in used - there if name in known]
        graph = helper.make_graph(
            nodes, "part",
            [helper.make_tensor_value_info(name, kind, None) for name, kind in inputs.items()],
            [ValueInfoProto(name=name) for name in outputs], tensors,
        )  # fmt: skip
        domains = {node.domain for node in nodes} | {""}
        opsets = [
            helper.make_opsetid(domain, self.opsets.get(domain, 1)) for domain in sorted(domains)
        ]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = _NEWEST_IR
        return Session(model.SerializeToString())


def attribute(node: NodeProto, name: str) -> list[int]:
    """Return the whole numbers of a node's attribute; none where it is not given."""
    return [int(n) for entry in node.attribute if entry.name == name for n in entry.ints]


class Session:
    """A graph that onnxruntime runs, on one thread, without a word and without optimisation.

    Args:
        model: Serialised.

    Raises:
        RunError: It is no valid graph.
    """

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        with _told():
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Return all outputs by name.

        Raises:
            RunError: They cannot be worked out.
        """
        with _told():
            values = self._session.run(None, dict(feeds), _QUIET)
        return dict(zip(self.outputs, values, strict=True))


@contextmanager
def _told() -> Iterator[None]:
    """Tell errors of onnxruntime as RunError: its own classes have no base but Exception."""
    try:
        yield
    except Exception as error:
        raise _error(str(error)) from error


def _error(text: str) -> RunError:
    """Return an error of onnxruntime in short: the name of the node, and the last reason."""
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    match = _NODE.search(line)
    node = next(filter(None, match.groups()), "") if match else ""
    reason = line.split("Status Message:")[-1].split(", Error ")[-1]
    reason = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", reason)
    reason = re.sub(r"\S*/onnxruntime/\S+ ", "", reason)  # paths of its own sources
    return RunError(reason.strip()[:200], node)


def is_linear(network: Network, node: NodeProto) -> bool:
    """Tell whether a node only moves the picture's numbers, adds them up or scales them."""
    if any(entry.name == "activation" for entry in node.attribute):
        return False
    allowed = _LINEAR.get(node.op_type)
    taken = [place for place, name in enumerate(node.input) if name in network.varying]
    if not taken or allowed is None or not allowed.issuperset(taken):
        return False
    return node.op_type not in ("Mul", "Einsum") or len(taken) == 1


def channel_axes(network: Network, node: NodeProto) -> tuple[int, int] | None:
    """Return which axes of what a node takes and makes hold channels; None if it has no weights."""
    taken = network.taken(node)
    if len(taken) != 1:
        return None
    if "Conv" in node.op_type:
        return 1, 1
    is_product = any(word in node.op_type for word in ("MatMul", "Gemm"))
    turned = any(entry.name == "transA" and entry.i for entry in node.attribute)
    return (-1, -1) if is_product and taken[0] == node.input[0] and not turned else None


def weights_of(network: Network, node: NodeProto) -> Array | None:
    """Return the weights of a node; None where they are not constant."""
    names = [name for name in node.input if name in network.constants]
    return network.constants[names[0]] if names else None
