"""What the graphs within a node of an ONNX model take from around it, without an input for it."""

from collections.abc import Iterator

from onnx import AttributeProto, GraphProto, NodeProto


def inner(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Yield the graphs within a node, each after the name of its attribute.

    Args:
        node: Any; only If, Loop and Scan have some.
    """
    for each in node.attribute:
        graphs = [each.g] if each.type == AttributeProto.GRAPH else []
        for graph in [*graphs, *each.graphs]:
            yield each.name, graph


def captured(node: NodeProto) -> set[str]:
    """Return the values from around a node that the graphs within it take, at any depth.

    Args:
        node: Any.
    """
    return {name for _, graph in inner(node) for name in _free(graph)}


def _free(graph: GraphProto) -> set[str]:
    """Return the names in a graph that are none of its own; what it hands out may be one."""
    own = {each.name for each in (*graph.input, *graph.initializer)}
    own |= {each.values.name for each in graph.sparse_initializer}
    taken = {each.name for each in graph.output}
    for node in graph.node:
        own.update(node.output)
        taken.update(node.input, captured(node))
    return taken - own
