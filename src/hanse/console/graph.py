# SPDX-License-Identifier: Apache-2.0
"""Trace graphs as accessible SVG: layers by longest path, crossings reduced by barycentre sweeps.

The picture carries no style attribute and no script: colours come from the style sheet by class.
The same data stands as a table beneath every picture, so nothing depends on seeing it.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from hanse.console.display import visible

NODE_WIDTH: Final = 168
NODE_HEIGHT: Final = 48
GAP_X: Final = 64
GAP_Y: Final = 20
MARGIN: Final = 8
NODES_MAX: Final = 200  # beyond it the picture is left out and the table stands alone
EDGES_MAX: Final = 2_000
SWEEPS: Final = 8
LABEL_COLUMNS: Final = 20  # Latin columns of a label; a Chinese character takes two


@dataclass(frozen=True, slots=True)
class Node:
    """A thing in a graph; ``kind`` picks its look, ``href`` opens it."""

    id: str
    label: str
    detail: str = ""
    kind: str = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """From one node to another; a missing hand-over is drawn dashed, never left out."""

    source: str
    target: str
    label: str = ""
    missing: bool = False
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges with the nodes that edges name but nobody described filled in."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def parse_graph(result: Any) -> Graph | None:
    """Return the graph that a query's result describes, or ``None`` if it is not one.

    A graph has ``nodes`` (``id``, ``label``, optional ``detail``, ``kind``, ``tx``) and
    ``edges`` (``source`` and ``target``, also ``from``/``frm`` and ``to``; optional ``label``,
    ``missing``, ``tx``).
    """
    if not isinstance(result, Mapping):
        return None
    nodes, edges = result.get("nodes"), result.get("edges")
    if not isinstance(nodes, list) or not isinstance(edges, list):
        return None
    found: dict[str, Node] = {}
    for entry in nodes:
        if isinstance(entry, Mapping) and "id" in entry:
            id_ = str(entry["id"])
            label, detail = str(entry.get("label", id_)), _detail(entry)
            found[id_] = Node(id_, label, detail, str(entry.get("kind", "")), _href(entry))
        elif isinstance(entry, str):
            found[entry] = Node(entry, entry)
    lines: list[Edge] = []
    for entry in edges[:EDGES_MAX]:
        ends = _ends(entry)
        if ends is None:
            continue
        for end in ends:
            found.setdefault(end, Node(end, end))
        facts = entry if isinstance(entry, Mapping) else {}
        label = str(facts.get("label", facts.get("event", "")))
        lines.append(Edge(*ends, label, facts.get("missing") is True, _href(facts)))
    return Graph(tuple(found.values()), tuple(lines))


def _detail(entry: Mapping[str, Any]) -> str:
    holders = entry.get("holders")
    if isinstance(holders, list) and holders:
        return ", ".join(str(holder) for holder in holders[:5])
    return str(entry.get("detail", entry.get("maker", "")))


def _href(entry: Mapping[str, Any]) -> str | None:
    tx = entry.get("tx")
    return (
        f"/transactions/{tx}"
        if isinstance(tx, str) and tx.replace("-", "_").isidentifier()
        else None
    )


def _ends(entry: Any) -> tuple[str, str] | None:
    if isinstance(entry, Mapping):
        source = entry.get("source", entry.get("from", entry.get("frm")))
        target = entry.get("target", entry.get("to"))
    elif isinstance(entry, list) and len(entry) >= 2:
        source, target = entry[0], entry[1]
    else:
        return None
    return None if source is None or target is None else (str(source), str(target))


def forward_edges(ids: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges that leave no cycle, found by a depth-first walk without recursion."""
    after: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        after[a].append(b)
    state: dict[str, int] = {}  # 1 on the path, 2 done
    kept: list[tuple[str, str]] = []
    for root in ids:
        stack = [(root, iter(after[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            node, children = stack[-1]
            child = next(children, None)
            if child is None:
                state[node] = 2
                stack.pop()
                continue
            if state.get(child) != 1:
                kept.append((node, child))
            if child not in state:
                state[child] = 1
                stack.append((child, iter(after[child])))
    return kept


def layers(ids: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each node: the length of the longest path that leads to it."""
    rank = dict.fromkeys(ids, 0)
    waiting = dict.fromkeys(ids, 0)
    after: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        after[a].append(b)
        waiting[b] += 1
    ready = [id_ for id_ in ids if waiting[id_] == 0]
    for node in ready:  # grows while it is walked: each node enters once
        for child in after[node]:
            rank[child] = max(rank[child], rank[node] + 1)
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    return rank


def columns(rank: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the nodes of each column, ordered so that few edges cross."""
    cols: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for id_, column in rank.items():
        cols[column].append(id_)
    near: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    place = {id_: float(i) for col in cols for i, id_ in enumerate(col)}

    def centre(id_: str) -> tuple[float, str]:
        ends = near[id_]
        return (sum(place[end] for end in ends) / len(ends) if ends else place[id_], id_)

    for sweep in range(SWEEPS):
        for col in cols if sweep % 2 == 0 else reversed(cols):
            col.sort(key=centre)
            place.update({id_: float(i) for i, id_ in enumerate(col)})
    return cols


def shorten(label: str, columns_max: int = LABEL_COLUMNS) -> str:
    """Return ``label`` cut to what fits, wide characters counted as two."""
    shown = visible(label)
    at_end = shown.startswith(("http://", "https://", "urn:"))  # identifiers differ at their end
    used, kept = 0, ""
    for character in reversed(shown) if at_end else shown:
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > columns_max:
            return f"…{kept[::-1]}" if at_end else f"{kept}…"
        kept += character
    return kept[::-1] if at_end else kept


def draw(graph: Graph, title: str) -> Markup | None:
    """Return the picture of ``graph`` as SVG, or ``None`` when it is empty or too large to read."""
    if not graph.nodes or len(graph.nodes) > NODES_MAX:
        return None
    ids = [node.id for node in graph.nodes]
    edges = forward_edges(ids, [(edge.source, edge.target) for edge in graph.edges])
    cols = columns(layers(ids, edges), edges)
    tallest = max(map(len, cols))
    at: dict[str, tuple[int, int]] = {}
    for x, col in enumerate(cols):
        top = (tallest - len(col)) * (NODE_HEIGHT + GAP_Y) // 2
        for y, id_ in enumerate(col):
            left = MARGIN + x * (NODE_WIDTH + GAP_X)
            at[id_] = (left, MARGIN + top + y * (NODE_HEIGHT + GAP_Y))
    width = len(cols) * (NODE_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = tallest * (NODE_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    head = Markup(
        '<svg class="graph" role="group" aria-label="{}" width="{}" height="{}" '
        'viewBox="0 0 {} {}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" '
        'orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    ).format(visible(title), width, height, width, height)
    lines = (_draw_edge(edge, at) for edge in graph.edges)
    boxes = (_draw_node(node, *at[node.id]) for node in graph.nodes)
    return head + Markup("").join(lines) + Markup("").join(boxes) + Markup("</svg>")


def _draw_edge(edge: Edge, at: Mapping[str, tuple[int, int]]) -> Markup:
    (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
    x1, y1, y2 = x1 + NODE_WIDTH, y1 + NODE_HEIGHT // 2, y2 + NODE_HEIGHT // 2
    bend = max(GAP_X // 2, abs(x2 - x1) // 3)
    return Markup(
        '<path class="edge{}" marker-end="url(#tip)" d="M{} {}C{} {} {} {} {} {}">'
        "<title>{}</title></path>"
    ).format(
        " missing" if edge.missing else "",
        *(x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2),
        visible(edge.label or f"{edge.source} → {edge.target}"),
    )


def _draw_node(node: Node, x: int, y: int) -> Markup:
    detail = Markup("")
    if node.detail:
        detail = Markup('<text class="detail" x="{}" y="{}">{}</text>').format(
            x + 12, y + 37, shorten(node.detail, LABEL_COLUMNS + 3)
        )
    kind = node.kind if node.kind.isidentifier() and node.kind.isascii() else ""
    box = Markup(
        '<g class="node {}"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text x="{}" y="{}">{}</text>{}</g>'
    ).format(
        f"kind-{kind}" if kind else "plain",
        visible(f"{node.label} {node.detail}".strip()),
        *(x, y, NODE_WIDTH, NODE_HEIGHT),
        *(x + 12, y + (20 if node.detail else 29), shorten(node.label), detail),
    )
    return Markup('<a href="{}">{}</a>').format(node.href, box) if node.href else box
