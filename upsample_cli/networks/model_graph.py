"""A network as a graph of nodes, which onnxruntime runs whole or in part."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper
from onnx.numpy_helper import from_array

Array = NDArray[Any]
# Finds the name of a node in an error message of onnxruntime.
_NODE = re.compile(r"Name:'(\d+)'|Node, \(\"(\d+)\"|[Nn]ode ?\(?:? ?(\d+)\b|'(\d+) : ")
# What stands before the reason in such a message, and paths of onnxruntime's source files.
_NOISE = re.compile(
    r"^.*Status Message:|^.*, Error |^\[ONNXRuntimeError\] : \d+ : \w+ : |"
    r"\S*/onnxruntime/\S+ (\w+ onnxruntime::[^)]*\) )?"  # a place in its source, and a function
)
onnxruntime.set_default_logger_severity(4)  # else it writes to the terminal
_QUIET = onnxruntime.RunOptions()
_QUIET.log_severity_level = 4
SHAPE_ONLY = frozenset((
    "Shape", "Size", "RandomNormalLike", "RandomUniformLike", "EyeLike",
))  # fmt: skip # operators that use only the shape of their input
_LONGEST = 24  # nodes to follow, at most
_NEWEST_IR = 10  # newest version of the file format that every supported onnxruntime reads
# Operators that only move, add up or scale numbers: which of their inputs may hold the picture.
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


class RunError(Exception):
    """A graph does not run; `node` is the name of the node at fault, if known.

    Args:
        error: The exception of onnxruntime, or a reason.
    """

    def __init__(self, error: Exception | str) -> None:
        line = (str(error).strip() or "no reason given").splitlines()[0]
        match = _NODE.search(line)
        self.node = next(filter(None, match.groups()), "") if match else ""
        super().__init__(_NOISE.sub("", line).strip()[:200])


class Session:
    """A graph that onnxruntime runs on one thread, without logging.

    Args:
        model: The serialised model, or the path of its file.
        optimised: Whether onnxruntime may change the graph; its errors then name no nodes.

    Raises:
        RunError: The model is not a valid graph.
    """

    def __init__(self, model: bytes | str, optimised: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        if not optimised:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # onnxruntime's own errors share no base
            raise RunError(error) from error

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Return all outputs by name.

        Raises:
            RunError: The outputs cannot be computed.
        """
        try:
            values = self._session.run(None, dict(feeds), _QUIET)
        except Exception as error:  # as in `__init__`
            raise RunError(error) from error
        return dict(zip([item.name for item in self._session.get_outputs()], values, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The nodes of a network, in the order in which they run.

    Args:
        nodes: The nodes; the name of each is its number in this order.
        titles: By node name, the path to its graph and the name that its author gave it.
        constants: Arrays by name; after a trial run also computed values not in `varying`.
        inputs: The inputs of the model.
        outputs: Names of the outputs of the model.
        opsets: Opset version of each domain of operators.
        unread: By tensor name, why it cannot be read.
        varying: Names of values that depend on the picture by more than its size.
        shapes: By name, the shapes of the varying values that a trial run reached.
        feeds: Inputs of the trial run by name; empty if there was none, or it failed.
        faults: By node name, why it does not run.
        rounding_file: Path of the model's file if the model rounds values in `varying`, which these
            nodes do not; else empty.
    """

    nodes: tuple[NodeProto, ...]
    titles: Mapping[str, tuple[str, str]]
    constants: Mapping[str, Array]
    inputs: tuple[ValueInfoProto, ...]
    outputs: tuple[str, ...]
    opsets: Mapping[str, int]
    unread: Mapping[str, str]
    varying: frozenset[str] = frozenset()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    feeds: Mapping[str, Array] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    rounding_file: str = ""
    producers: dict[str, NodeProto] = field(init=False)
    consumers: dict[str, list[NodeProto]] = field(init=False)

    def __post_init__(self) -> None:
        """Index by value name the node that makes it, and the nodes that take it."""
        consumers: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                consumers.setdefault(name, []).append(node)
        producers = {name: node for node in self.nodes for name in node.output if name}
        object.__setattr__(self, "producers", producers)
        object.__setattr__(self, "consumers", consumers)

    def title(self, node: NodeProto) -> str:
        """Return a node's operator and, in brackets, its path and the name its author gave it."""
        return f"{node.op_type} ({''.join(self.titles.get(node.name, ('', node.name)))})"

    def taken(self, node: NodeProto) -> list[str]:
        """Return the inputs of a node that depend on the picture by more than its size."""
        return [name for name in dict.fromkeys(node.input) if name in self.varying]

    def sole_consumers(self, name: str) -> Iterator[NodeProto]:
        """Yield the only node that takes a value, then the only node after that, and so on."""
        for _ in range(_LONGEST):
            takers = [
                node for node in self.consumers.get(name, []) if node.op_type not in SHAPE_ONLY
            ]
            if len(takers) != 1 or name in self.outputs:
                return
            yield takers[0]
            name = takers[0].output[0]

    def session_of(
        self, nodes: Sequence[NodeProto], inputs: Iterable[str], outputs: Iterable[str],
        kinds: Mapping[str, int] | None = None, optimised: bool = False,
    ) -> Session:  # fmt: skip
        """Return a session that runs some of the nodes.

        Args:
            nodes: In the order in which they run.
            inputs: Names of the values to feed.
            outputs: Names of the values to fetch.
            kinds: By name, the ONNX element types of inputs that are not float32.
            optimised: As of `Session`.

        Raises:
            RunError: The nodes cannot run.
        """
        used = {name for node in nodes for name in node.input} | set(outputs)
        types = {**dict.fromkeys(inputs, int(TensorProto.FLOAT)), **(kinds or {})}
        computed = {name for node in nodes for name in node.output} | types.keys()
        known = (used - computed) & self.constants.keys()
        graph = helper.make_graph(
            nodes, "part",
            [helper.make_tensor_value_info(name, kind, None) for name, kind in types.items()],
            [ValueInfoProto(name=name) for name in outputs],
            [from_array(self.constants[name], name) for name in known],
        )  # fmt: skip
        opsets = [
            helper.make_opsetid(domain, self.opsets.get(domain, 1))
            for domain in sorted({node.domain for node in nodes} | {""})
        ]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_NEWEST_IR)
        return Session(model.SerializeToString(), optimised)


def in_order(nodes: Iterable[NodeProto]) -> list[NodeProto]:
    """Return nodes in the order in which they run, each once."""
    return sorted({node.name: node for node in nodes}.values(), key=lambda node: int(node.name))


def int_attribute(node: NodeProto, name: str) -> list[int]:
    """Return the integers in a node's attribute; an empty list if it is not given."""
    entries = (entry for entry in node.attribute if entry.name == name)
    return [n for entry in entries for n in entry.ints or [entry.i] * entry.HasField("i")]


def without_attributes(node: NodeProto, *starts: str) -> NodeProto:
    """Return a copy of a node without the attributes whose names begin with one of `starts`."""
    result = NodeProto()
    result.CopyFrom(node)
    del result.attribute[:]
    result.attribute.extend(entry for entry in node.attribute if not entry.name.startswith(starts))
    return result


def is_activated(node: NodeProto) -> bool:
    """Return whether a node includes an activation, as fused operators do."""
    return any(entry.name == "activation" for entry in node.attribute)


def is_linear(network: Network, node: NodeProto) -> bool:
    """Return whether a node only moves the picture's numbers, adds them up or scales them."""
    allowed = _LINEAR.get(node.op_type, frozenset())
    varying_inputs = [place for place, name in enumerate(node.input) if name in network.varying]
    if not varying_inputs or not allowed.issuperset(varying_inputs) or is_activated(node):
        return False
    return node.op_type not in ("Mul", "Einsum") or len(varying_inputs) == 1


def channel_axes(network: Network, node: NodeProto | None) -> tuple[int, int] | None:
    """Return the channel axes of a node's input and output; None if it is no layer with weights."""
    taken = [] if node is None else network.taken(node)
    if node is None or len(taken) != 1:
        return None
    if "Conv" in node.op_type:
        return 1, 1
    is_product = any(word in node.op_type for word in ("MatMul", "Gemm"))
    transposed = any(int_attribute(node, "transA"))
    return (-1, -1) if is_product and taken[0] == node.input[0] and not transposed else None


def weights_of(network: Network, node: NodeProto) -> Array | None:
    """Return the weights of a node: its first constant input; None if no input is constant."""
    names = [name for name in node.input if name in network.constants]
    return network.constants[names[0]] if names else None
