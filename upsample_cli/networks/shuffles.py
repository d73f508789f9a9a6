"""Where channels become blocks of pixels in an ONNX graph.

DepthToSpace says it in one node. Others spell it Reshape, Transpose (or Einsum), Reshape, and what
changes numbers but not their places may stand between.
"""

from dataclasses import dataclass
from math import prod

from onnx import AttributeProto, NodeProto

from upsample_cli.networks.channels import check_alike
from upsample_cli.networks.constants import is_constant
from upsample_cli.networks.counts import channels_of
from upsample_cli.networks.graph import Graph, attribute, given, operator
from upsample_cli.networks.lengths import UNKNOWN, lengths
from upsample_cli.networks.orders import Order, orders
from upsample_cli.networks.pointwise import SAME
from upsample_cli.networks.unreadable import UnreadableError

_MOST_RESHAPES = 8  # one after the other
_MOST_KEPT = 8  # nodes between
_RESHAPE = frozenset(("Reshape",))
_PRODUCTS = frozenset(("Attention", "Einsum", "FusedMatMul", "MatMul"))
_TURNED = SAME | {"Div", "Mul", "Transpose"}  # before a product


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Where channels become pixels.

    Args:
        source: The value that is shuffled, of Cout s1 ... sN channels.
        block: s1, ..., sN; less than 1 where unknown.
        parts: In which order its channels are numbered, as for `layer.sub_pixel`.
        end: The last of its nodes.
        channels: Cout, or a part of it where each of several becomes a picture by itself; less than
            1 where unknown.
        last: Whether the source's channels come last instead of second.
        stays_last: Whether the picture's do.
    """

    source: str
    block: tuple[int, ...]
    parts: tuple[int, ...]
    end: NodeProto
    channels: int = UNKNOWN
    last: bool = False
    stays_last: bool = False


def shuffle(graph: Graph, node: NodeProto) -> Shuffle | None:
    """Return the shuffle that a node is the heart of, None if it is none.

    Args:
        graph: The node's.
        node: A DepthToSpace, or the Transpose or Einsum between two Reshapes.

    Raises:
        UnreadableError: It is one, but says nothing of its blocks, or channels are quantised each
            in its own way on the way.
    """
    if operator(node) == "DepthToSpace":
        side = attribute(node, "blocksize", 0)
        parts = (0, 1, 2) if attribute(node, "mode", "DCR") == "CRD" else (1, 2, 0)
        return Shuffle(given(node, 0), (side, side), parts, node)
    turned = _permutation(node)
    spelled = (_spelled(graph, node, found, len(turned)) for found in orders(turned))
    return next(filter(None, spelled), None)


def _spelled(graph: Graph, node: NodeProto, found: Order, rank: int) -> Shuffle | None:
    """Return the shuffle whose heart transposes so many axes in an order, None if it is none."""
    unknown = UnreadableError("the blocks that its channels become are worked out as it runs")
    before = _before(graph, given(node, 0), _RESHAPE)
    after = _after(graph, node, 2 + len(found.block))
    if before is None or after is None:
        if found.plain and after is not None:
            raise unknown
        return None
    source = _source(graph, before)
    whole = UNKNOWN if found.plain else channels_of(graph, source, found.last)
    split, made = (lengths(graph, given(each, 1), whole) for each in (before, after))
    if len(split) != rank:
        if found.plain:
            raise unknown
        return None
    block = tuple(1 if place is None else split[place] for place in found.block)
    channels, rest = split[found.channels], _rest(found, split, made, block)
    splits = _splits(whole, block, channels, rest) and not _attended(graph, after)
    if found.plain or splits:
        return Shuffle(source, block, found.parts, after, channels, found.last, found.stays_last)
    return None


def _before(graph: Graph, name: str, kinds: frozenset[str]) -> NodeProto | None:
    """Return the node of some kinds that a value comes of with every number in its place."""
    for _ in range(_MOST_KEPT):
        node = graph.producer(name)
        if node is None or operator(node) not in SAME:
            break
        check_alike(graph, node)
        name = given(node, 0)
    return node if node is not None and operator(node) in kinds else None


def _after(graph: Graph, node: NodeProto, rank: int) -> NodeProto | None:
    """Return the Reshape that makes so many axes of what a node makes, numbers in their places.

    It may be the last of several, each of which joins two axes.
    """
    end = None
    for _ in range(_MOST_KEPT):
        takers = [each for name in node.output for each in graph.consumers.get(name, [])]
        kept = [each for each in takers if operator(each) in SAME]
        joins = [each for each in takers if operator(each) == "Reshape"]
        if not joins and (end or not kept):
            break
        node = (joins or kept)[0]
        if joins:
            end = node
            if len(lengths(graph, given(end, 1))) == rank:
                break
        else:
            check_alike(graph, node)
    return end


def _permutation(node: NodeProto) -> tuple[int, ...]:
    """Return for each axis afterwards its place before; nothing where a node does more."""
    if operator(node) == "Transpose":
        orders = [tuple(a.ints) for a in node.attribute if a.type == AttributeProto.INTS]
        return orders[0] if orders else ()
    if operator(node) != "Einsum" or len(node.input) != 1:
        return ()
    before, _, after = attribute(node, "equation", "").replace(" ", "").partition("->")
    return tuple(map(before.index, after)) if sorted(before) == sorted(set(after)) else ()


def _source(graph: Graph, reshape: NodeProto) -> str:
    """Return what the first of Reshapes takes: the order of the numbers stays as it is."""
    for _ in range(_MOST_RESHAPES):
        above = _before(graph, given(reshape, 0), _RESHAPE | {"Unsqueeze"})
        if above is None:
            break
        reshape = above
    return given(reshape, 0)


def _rest(found: Order, split: list[int], made: list[int], block: tuple[int, ...]) -> int:
    """Return the channels of what the Reshape after makes, 0 where unknown or no picture.

    A last axis that is no longer than the block holds what each head of attention has.
    """
    if found.stays_last:
        return made[-1] if made else UNKNOWN
    if len(made) != 2 + len(block) or made[-1] == block[-1]:
        return UNKNOWN
    sides = (split[place] * side for place, side in zip(found.picture, block, strict=True))
    fits = (min(pair) < 1 or pair[0] == pair[1] for pair in zip(sides, made[2:], strict=True))
    return made[1] if all(fits) else UNKNOWN


def _attended(graph: Graph, node: NodeProto) -> bool:
    """Tell whether what a node makes is multiplied by another such matrix, as in attention."""
    waiting = [node]
    for _ in range(_MOST_KEPT):
        made = waiting.pop().output if waiting else ()
        for each in (each for name in made for each in graph.consumers.get(name, [])):
            if operator(each) in _TURNED:
                waiting.append(each)
            elif operator(each) in _PRODUCTS:
                return not any(is_constant(graph, name) for name in each.input)
    return False


def _splits(whole: int, block: tuple[int, ...], before: int, after: int) -> bool:
    """Tell whether the channels of a layer become a block and those that remain.

    The heads of attention and its windows are transposed alike, but channels stay together there.
    """
    known = min(*block, after) >= 1 and before in (after, -1, UNKNOWN)
    return known and max(block) > 1 and whole == after * prod(block)
