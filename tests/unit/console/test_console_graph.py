# SPDX-License-Identifier: Apache-2.0
"""Graphs: layers, cycles, limits, hostile labels; and the sides of a proof's path."""

import hashlib
import time

import pytest

from hanse.console import forms
from hanse.console.calls import action_calls
from hanse.console.graph import (
    NODES_MAX,
    Edge,
    Graph,
    Node,
    columns,
    draw,
    forward_edges,
    layers,
    parse_graph,
    shorten,
)
from hanse.console.proof_svg import climb
from hanse.console.upload import Form


def test_each_node_stands_right_of_all_that_lead_to_it() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]
    rank = layers(list("abcd"), edges)
    assert all(rank[a] < rank[b] for a, b in edges)
    assert [sorted(col) for col in columns(rank, edges)] == [["a"], ["b"], ["c"], ["d"]]


def test_a_cycle_is_drawn_too() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")]
    assert sorted(forward_edges(list("abc"), edges)) == [("a", "b"), ("b", "c")]
    graph = Graph(tuple(Node(n, n) for n in "abc"), tuple(Edge(a, b) for a, b in edges))
    drawing = draw(graph, "a loop")
    assert drawing is not None
    assert drawing.count('<path class="edge"') == 4


def test_labels_cannot_break_out_of_the_picture() -> None:
    graph = Graph((Node("<b>", '"><script>', 'x" onload="y'),), ())
    drawing = str(draw(graph, "</title><script>"))
    assert "<script" not in drawing
    assert 'onload="y' not in drawing
    assert "style=" not in drawing


def test_a_missing_hand_over_is_dashed_and_not_left_out() -> None:
    graph = parse_graph({"nodes": [], "edges": [{"from": "a", "to": "b", "missing": True}]})
    assert graph is not None
    assert 'class="edge missing"' in str(draw(graph, "t"))


@pytest.mark.parametrize("result", [None, 3, {}, {"nodes": 1, "edges": []}, {"nodes": []}])
def test_what_is_no_graph_is_not_drawn(result: object) -> None:
    assert parse_graph(result) is None


def test_two_hundred_nodes_are_laid_out_at_once_and_more_are_not() -> None:
    nodes = tuple(Node(str(i), f"node {i}") for i in range(NODES_MAX))
    edges = tuple(Edge(str(i * 7 % i), str(i)) for i in range(1, NODES_MAX))
    began = time.perf_counter()
    assert draw(Graph(nodes, edges), "large") is not None
    assert time.perf_counter() - began < 0.5
    assert draw(Graph((*nodes, Node("x", "x")), ()), "too large") is None


def test_wide_characters_count_twice_and_addresses_keep_their_end() -> None:
    assert shorten("绿野农场有限公司华东分公司") == "绿野农场有限公司华东…"
    assert shorten("https://id.gs1.org/01/09521101000016/10/R000").endswith("/10/R000")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 100])
def test_the_sides_of_a_drawn_path_lead_to_the_root(size: int) -> None:
    leaves = [hashlib.sha256(b"\x00" + bytes([i])).digest() for i in range(size)]
    for index in range(size):
        path = _path(leaves, index)
        found = leaves[index]
        for rung in climb(index, size, [sibling.hex() for sibling in path]):
            other = bytes.fromhex(rung.sibling)
            pair = other + found if rung.sibling_is_left else found + other
            found = hashlib.sha256(b"\x01" + pair).digest()
        assert found == _root(leaves)


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hashlib.sha256(b"\x01" + _root(leaves[:k]) + _root(leaves[k:])).digest()


def _path(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*_path(leaves[:k], index), _root(leaves[k:])]
    return [*_path(leaves[k:], index - k), _root(leaves[:k])]


SCHEMA = {
    "type": "object",
    "required": ["n", "deep"],
    "properties": {
        "n": {"type": "integer", "minimum": 1, "maximum": 9},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "deep": {
            "type": "object",
            "required": ["x"],
            "properties": {"x": {"type": "string"}, "raw": {"type": "array"}},
        },
    },
}
WORDS = {
    key: key + "{bound}" for key in ("needed", "integer", "minimum", "maximum", "json", "choice")
}


def _read(**values: str) -> tuple[dict[str, object], dict[str, str]]:
    fields = forms.build_fields(SCHEMA)
    forms.fill(fields, Form(fields={k.replace("__", "."): [v] for k, v in values.items()}))
    args = forms.read_arguments(fields, WORDS)
    return args, {one.name: one.error for one in forms.flatten(fields) if one.error}


def test_a_filled_form_means_typed_arguments() -> None:
    args, errors = _read(n="7", numbers="1\n 2", deep__x="a", deep__raw='[{"b":1}]', maybe="")
    assert errors == {}
    assert args == {"n": 7, "numbers": [1, 2], "deep": {"x": "a", "raw": [{"b": 1}]}}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"n": "0"}, {"n": "minimum1"}),
        ({"n": "10"}, {"n": "maximum9"}),
        ({"n": "1.5"}, {"n": "integer{bound}"}),
        ({"n": ""}, {"n": "needed{bound}"}),
        ({"n": "1", "numbers": "x"}, {"numbers": "integer{bound}"}),
        ({"n": "1", "deep__raw": "{"}, {"deep.raw": "json{bound}"}),
        ({"n": "1", "deep__x": ""}, {"deep.x": "needed{bound}"}),
    ],
)
def test_a_wrong_entry_is_named(values: dict[str, str], error: dict[str, str]) -> None:
    assert _read(**{"deep__x": "a", **values})[1] == error


def test_the_calls_are_quoted_for_their_languages() -> None:
    args = {"text": 'it\'s "so" $(rm)', "flag": True, "none": None}
    python, curl, cli = (call.text for call in action_calls("http://h", "c", "a", args, "m@o"))
    compile(python, "call", "exec")
    assert '"flag": True, "none": None' in python
    assert "'\"'\"'" in curl
    assert "$(rm)" in cli
