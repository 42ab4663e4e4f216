"""Structure-aware damage to DER: lengths stay right, so that what is wrong is found late and deep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st

from keyworks.errors import KeyworksError
from keyworks.x509.der import wrap

_CONSTRUCTED: Final = 0x20
_OCTET_STRING: Final = 0x04
_TAGS: Final = (
    0x01,
    0x02,
    0x03,
    0x04,
    0x05,
    0x06,
    0x0C,
    0x13,
    0x16,
    0x17,
    0x18,
    0x1E,
    0x30,
    0x31,
    0x80,
    0x82,
    0xA0,
)


@dataclass(frozen=True)
class Node:
    """One TLV; a constructed one has children in place of content."""

    tag: int
    content: bytes = b""
    children: tuple["Node", ...] | None = None

    def encode(self) -> bytes:
        if self.children is None:
            return wrap(self.tag, self.content)
        return wrap(self.tag, b"".join(child.encode() for child in self.children))

    def places(self, here: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
        """Return the way to every node, itself first."""
        yield here
        for place, child in enumerate(self.children or ()):
            yield from child.places((*here, place))


def nodes_of(der: bytes) -> tuple[Node, ...]:
    """Return DER as a tree, as deep as constructed tags and octet strings that hold DER go.

    Raises:
        ValueError: It is no DER.
    """
    nodes = []
    while der:
        if len(der) < 2:
            raise ValueError("truncated")
        tag, first = der[0], der[1]
        header = 2 if first < 0x80 else 2 + first - 0x80
        length = first if first < 0x80 else int.from_bytes(der[2:header], "big")
        content, der = der[header : header + length], der[header + length :]
        if len(content) != length:
            raise ValueError("truncated")
        nodes.append(Node(tag, content, _inside(tag, content)))
    return tuple(nodes)


def _inside(tag: int, content: bytes) -> tuple[Node, ...] | None:
    if tag & _CONSTRUCTED:
        return nodes_of(content)
    try:
        return nodes_of(content) or None if tag == _OCTET_STRING else None
    except ValueError:
        return None


def _changed(node: Node, way: tuple[int, ...], change: Callable[[Node], tuple[Node, ...]]) -> tuple[Node, ...]:
    """Return the node, or what becomes of it, with a change at the end of the way."""
    if not way:
        return change(node)
    children = node.children or ()
    place, *rest = way
    changed = _changed(children[place], tuple(rest), change)
    return (replace(node, children=(*children[:place], *changed, *children[place + 1 :])),)


def _content(node: Node) -> bytes:
    return node.content if node.children is None else b"".join(child.encode() for child in node.children)


@st.composite
def _changes(draw: st.DrawFn) -> Callable[[Node], tuple[Node, ...]]:
    tag = draw(st.sampled_from(_TAGS) | st.integers(0, 255))
    octets = draw(st.binary(max_size=40))
    place = draw(st.integers(0, 2000))

    def flipped(node: Node) -> tuple[Node, ...]:
        content = bytearray(_content(node) or b"\0")
        content[place % len(content)] ^= 1 << place % 8
        return (Node(node.tag, bytes(content)),)

    def sized(node: Node) -> tuple[Node, ...]:
        content = _content(node)
        return (Node(node.tag, content[: place % (len(content) + 1)] + octets),)

    def turned(node: Node) -> tuple[Node, ...]:
        return (replace(node, children=tuple(reversed(node.children or ()))) if node.children else node,)

    change: Callable[[Node], tuple[Node, ...]] = draw(
        st.sampled_from(
            (
                flipped,
                sized,
                turned,
                lambda node: (replace(node, tag=tag),),
                lambda node: (Node(node.tag, octets),),
                lambda _: (),
                lambda node: (node, node),
                lambda node: (node, Node(tag, octets)),
                lambda node: (Node(tag, children=(node,)),),
            )
        )
    )
    return change


@st.composite
def mutated(draw: st.DrawFn, der: bytes) -> bytes:
    """Return DER with one to three changes somewhere in its tree."""
    [root] = nodes_of(der)
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(list(root.places())))
        after = _changed(root, way, draw(_changes()))
        if len(after) != 1:
            return b"".join(node.encode() for node in after)
        [root] = after
    return root.encode()


def one_octet_changes(whole: bytes) -> Iterator[bytes]:
    """Return every change of one bit, and every octet replaced by the extremes of lengths and tags."""
    for place, octet in enumerate(whole):
        wanted = {octet ^ 1 << bit for bit in range(8)} | {0x00, 0x7F, 0x80, 0xFF}
        for other in sorted(wanted - {octet}):
            yield whole[:place] + bytes((other,)) + whole[place + 1 :]


def check_sentence(refused: KeyworksError) -> None:
    """Check that a refusal of hostile octets can be shown to anybody."""
    assert refused.detail.endswith(".")
    assert refused.detail.isprintable()
