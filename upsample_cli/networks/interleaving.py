"""Maps of convolutions that are put between each other's pixels in an ONNX graph.

Stacked after an axis of the picture and flattened with it, they upsample as a pixel shuffle does.
Video decoders make two frames of one so, and up-projections four pixels of one. Rotary embeddings
stack what they have cut out along that axis, so what is not cut along channels does not count.

Source: I. Laina et al., "Deeper depth prediction with fully convolutional residual networks", 3DV
2016 (fast up-convolutions).
"""

from onnx import NodeProto

from upsample_cli.networks.copies import widened
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.lengths import lengths
from upsample_cli.networks.pointwise import CONVOLUTIONS, POINTWISE

_FIRST = 3  # place after an axis of a picture whose channels come second
_MOST = 16  # nodes between
_CHANNELS = frozenset(("Gather", "Split"))  # that may be cut along


def interleaves(graph: Graph, node: NodeProto) -> bool:
    """Tell whether a node stacks maps of convolutions whose pixels then become neighbours.

    Args:
        graph: The node's.
        node: Any.
    """
    if operator(node) != "Concat" or len(set(node.input)) < 2:
        return False
    parts = [widened(graph, name) for name in node.input]
    stacked = {each for each in parts if each is not None}
    if None in parts or len(stacked) < 2:  # copies of one stay even
        return False
    takers = [each for name in node.output for each in graph.consumers.get(name, [])]
    made = {len(lengths(graph, given(each, 1))) for each in takers if operator(each) == "Reshape"}
    ranks = {_rank(graph, source) for source, _ in stacked}
    rank = ranks.pop()
    places = {
        axis % (rank + 1) for axis in (attribute(node, "axis", 0), *(axis for _, axis in stacked))
    }
    return not ranks and rank in made and len(places) == 1 and places.pop() >= _FIRST


def _rank(graph: Graph, name: str) -> int:
    """Return how many axes the convolution has that a value comes of, 0 if of none."""
    for _ in range(_MOST):
        node = graph.producer(name)
        kind = "" if node is None else operator(node)
        if node is None or kind not in POINTWISE | _CHANNELS | CONVOLUTIONS | {"Reshape"}:
            break
        if kind in CONVOLUTIONS:
            weights = graph.tensor(given(node, 1))
            return 0 if weights is None else len(weights.dims)
        if kind in _CHANNELS and attribute(node, "axis", 0) != 1:
            break
        name = given(node, 0)
    return 0
