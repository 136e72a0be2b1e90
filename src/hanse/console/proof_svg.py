# SPDX-License-Identifier: Apache-2.0
"""The path from a record to the checkpoint, drawn: one row for each hash on the way up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from hanse.console.display import short, visible

ROW: Final = 56
BOX_WIDTH: Final = 208
BOX_HEIGHT: Final = 36
SIDE: Final = 236  # from the left edge of the path's box to the sibling's
MARGIN: Final = 8


@dataclass(frozen=True, slots=True)
class Rung:
    """One hash on the way from the leaf to the root, and the sibling that it is hashed with."""

    level: int
    sibling: str
    sibling_is_left: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """What the drawing needs: the leaf, the rungs, and what stands above the root."""

    leaf: str
    index: int
    size: int
    rungs: tuple[Rung, ...]
    root: str
    height: int | None
    witnesses: tuple[str, ...]
    operator: str


def climb(index: int, size: int, path: Sequence[str]) -> tuple[Rung, ...]:
    """Return the side of each sibling on the path of leaf ``index`` (RFC 9162 section 2.1.3.2)."""
    rungs = []
    last = size - 1
    for level, sibling in enumerate(path):
        left = index % 2 == 1 or index == last
        if left:
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        rungs.append(Rung(level, sibling, left))
        index, last = index // 2, last // 2
    return tuple(rungs)


def build_ladder(document: Mapping[str, Any]) -> Ladder | None:
    """Return the way up of a record's evidence, or ``None`` where the document has none."""
    try:
        record, header = document["record"], document["header"]
        index, size, path = int(record["index"]), int(header["log_size"]), list(record["path"])
        leaf, root = str(record["receipt"]["tx"]), str(header["log_root"])
        names = note_names(str(document.get("certificate", {}).get("note", "")))
        rungs = climb(index, size, [str(one) for one in path[:64]])
        height = int(header["height"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return Ladder(leaf, index, size, rungs, root, height, names[1:], names[0] if names else "")


def note_names(note: str) -> tuple[str, ...]:
    """Return the names that signed a checkpoint note, the operator first."""
    lines = [line.split(" ") for line in note.splitlines() if line.startswith("\N{EM DASH} ")]
    return tuple(line[1] for line in lines if len(line) == 3)


def draw(ladder: Ladder, words: Mapping[str, str]) -> Markup:
    """Return the drawing; ``words`` names leaf, root, header, checkpoint and sibling."""
    rows: list[tuple[str, str, str]] = [("leaf", words["leaf"], short(ladder.leaf))]
    rows += [("hash", f"{words['level']} {rung.level + 1}", "") for rung in ladder.rungs[:-1]]
    rows.append(("root", words["root"], short(ladder.root)))
    rows.append(("header", words["header"], str(ladder.height)))
    rows.append(("checkpoint", words["checkpoint"], ladder.operator))
    height = len(rows) * ROW - (ROW - BOX_HEIGHT) + 2 * MARGIN
    width = SIDE + BOX_WIDTH + 2 * MARGIN
    out = [
        Markup(
            '<svg class="ladder" role="img" aria-label="{}" width="{}" height="{}" '
            'viewBox="0 0 {} {}">'
        ).format(words["title"], width, height, width, height)
    ]
    for number, (kind, label, value) in enumerate(rows):
        y = height - MARGIN - BOX_HEIGHT - number * ROW
        out.append(_box(MARGIN, y, f"step {kind}", label, value))
        if number + 1 < len(rows):
            x = MARGIN + BOX_WIDTH // 2
            out.append(
                Markup('<path class="edge" d="M{} {}V{}"/>').format(x, y, y - ROW + BOX_HEIGHT)
            )
        if number < len(ladder.rungs):
            out.append(_sibling(ladder.rungs[number], y, words))
    return Markup("").join(out) + Markup("</svg>")


def _box(x: int, y: int, kind: str, label: str, value: str) -> Markup:
    return Markup(
        '<g class="{}"><rect x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text x="{}" y="{}">{} <tspan class="mono">{}</tspan></text></g>'
    ).format(kind, x, y, BOX_WIDTH, BOX_HEIGHT, x + 12, y + 23, label, visible(value)[:24])


def _sibling(rung: Rung, y: int, words: Mapping[str, str]) -> Markup:
    x = MARGIN + SIDE
    side = words["left"] if rung.sibling_is_left else words["right"]
    middle, join = MARGIN + BOX_WIDTH // 2, y - (ROW - BOX_HEIGHT) // 2
    line = Markup('<path class="edge" d="M{} {}V{}H{}"/>').format(x + 24, y, join, middle)
    return line + _box(x, y, "sibling", side, short(rung.sibling))
