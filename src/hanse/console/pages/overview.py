# SPDX-License-Identifier: Apache-2.0
"""The first page, the list of blocks, one block, and the feed of rows that keeps them fresh."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from hanse.console.proof_svg import note_names
from hanse.console.sentences import Part, Words, sentences_of
from hanse.console.view import TEMPLATES, Console, View
from hanse.errors import HanseError

ROWS: Final = 12  # blocks on the first page
PAGE: Final = 25  # blocks on a page of the list
LINES: Final = 3  # sentences of one block in a row
BLOCK_DETAIL_MAX: Final = 40  # transactions of a block that is read whole for its sentences


@dataclass(frozen=True, slots=True)
class Line:
    """One transaction in a row: its sentences and where it is."""

    sentences: list[list[Part]]
    tx: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One block in the feed."""

    height: int
    time_ms: int
    transactions: int
    refused: int
    lines: list[Line]
    more: int


def records_to_lines(
    words: Words, records: list[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]
) -> list[Line]:
    """Return the lines of a block's records."""
    lines = []
    for record in records:
        receipt = record["receipt"]
        body = record["transaction"]["body"]
        sentences = sentences_of(words, receipt, body, lambda name: known.get(name, {}))
        lines.append(Line(sentences, str(receipt["tx"]), receipt["status"] == "rejected"))
    return lines


def contracts_of(records: list[Mapping[str, Any]]) -> set[str]:
    """Return the contracts whose descriptions the sentences of ``records`` need."""
    names = {str(record["transaction"]["body"]["contract"]) for record in records}
    for record in records:
        names |= {str(event["contract"]) for event in record["receipt"].get("events", ())}
    return names


async def build_row(console: Console, words: Words, block: Mapping[str, Any]) -> Row:
    """Return the row of a block as ``/v1/blocks`` or the feed gives it."""
    listed = block.get("transactions", 0)
    count = len(listed) if isinstance(listed, list) else int(listed)
    height = int(block["height"])
    lines: list[Line] = []
    if 0 < count <= BLOCK_DETAIL_MAX:
        whole = await console.cached(f"/v1/blocks/{height}")
        records = whole["records"][:LINES]
        known = await console.describe_all(contracts_of(records))
        lines = records_to_lines(words, records, known)
    elif isinstance(listed, list):
        for entry in listed[:LINES]:
            refused = entry.get("status") == "rejected"
            lines.append(Line([[Part(str(entry.get("sentence", "")))]], str(entry["tx"]), refused))
    refused_count = block.get("refused")
    if refused_count is None and isinstance(listed, list):
        refused_count = sum(1 for entry in listed if entry.get("status") == "rejected")
    more = count - len(lines)
    return Row(height, int(block["time_ms"]), count, int(refused_count or 0), lines, more)


async def overview(view: View) -> Response:
    """Show the ledger at a glance: head, witnesses, who takes part, what just happened."""
    client = view.console.client
    status = await client.get("/v1/ledger")
    blocks = (await client.get(f"/v1/blocks?limit={ROWS}"))["blocks"]
    rows = [await build_row(view.console, view.words, block) for block in blocks]
    contracts = await view.console.cached("/v1/contracts")
    head = await verified_head(view)
    return view.render(
        "overview.html",
        status=status,
        rows=rows,
        contracts=contracts,
        head=head,
        transactions=count_transactions(status),
        checkpoint=await checkpoint_facts(view),
    )


def count_transactions(status: Mapping[str, Any]) -> int | None:
    """Return how many transactions the log holds: its leaves but for one header a height."""
    size, height = status.get("log_size"), status.get("height")
    if type(size) is not int or type(height) is not int:
        return None
    return max(0, size - height)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest header that the client itself verified; no height where it did not."""

    height: int | None
    error: str = ""


async def verified_head(view: View) -> Head:
    """Return what the client says about the head of the log after checking it."""
    update = getattr(view.console.client, "checkpoint_update", None)
    if update is None:
        return Head(None)
    try:
        found = await update()
    except HanseError as error:
        return Head(None, error.code)
    height = getattr(found, "height", None)
    if isinstance(found, Mapping):
        height = found.get("height")
    return Head(height if type(height) is int else None)


async def checkpoint_facts(view: View) -> dict[str, Any]:
    """Return who signed the newest checkpoint, and how far the witnesses are behind."""
    client = view.console.client
    try:
        newest = (await client.get_bytes("/v1/checkpoint")).decode("utf-8", "replace")
    except HanseError:
        return {"size": None, "operator": "", "witnesses": (), "cosigned": None}
    names = note_names(newest)
    try:
        cosigned = (await client.get_bytes("/v1/checkpoint?cosigned=1")).decode("utf-8", "replace")
    except HanseError:
        cosigned = ""
    return {
        "size": _note_size(newest),
        "operator": names[0] if names else "",
        "witnesses": names[1:],
        "cosigned": _note_size(cosigned),
    }


def _note_size(note: str) -> int | None:
    lines = note.splitlines()
    plain = len(lines) > 1 and lines[1].isascii() and lines[1].isdigit() and len(lines[1]) < 17
    return int(lines[1]) if plain else None


async def blocks(view: View) -> Response:
    """List blocks, newest first, a page at a time."""
    before = view.request.query_params.get("before", "")
    bound = f"&before={int(before)}" if before.isascii() and before.isdigit() else ""
    answer = await view.console.client.get(f"/v1/blocks?limit={PAGE}{bound}")
    rows = [await build_row(view.console, view.words, block) for block in answer["blocks"]]
    older = rows[-1].height if len(rows) == PAGE and rows[-1].height > 1 else None
    return view.render("blocks.html", rows=rows, older=older, newest=not bound)


async def block(view: View) -> Response:
    """Show one block: header, who certified it, and its records as sentences."""
    height = int(view.request.path_params["height"])
    answer = await view.console.client.get(f"/v1/blocks/{height}")
    records = answer["records"]
    known = await view.console.describe_all(contracts_of(records[:200]))
    certificate = answer.get("certificate", {})
    return view.render(
        "block.html",
        height=height,
        block=answer,
        header=answer["header"],
        lines=records_to_lines(view.words, records[:200], known),
        records=records,
        more=max(0, len(records) - 200),
        signers=note_names(str(certificate.get("note", ""))),
    )


async def feed(view: View) -> Response:
    """Stream rendered rows; the id of each is its height, so a browser resumes by itself."""
    last = view.request.headers.get("last-event-id") or view.request.query_params.get("from", "")
    start = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None
    stream = _rows(view, start)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    response = StreamingResponse(stream, media_type="text/event-stream", headers=headers)
    return response


async def _rows(view: View, start: int | None) -> AsyncIterator[bytes]:
    row_template = TEMPLATES.get_template("_row.html")
    yield b"retry: 2000\n\n"
    try:
        async for item in view.console.client.feed(start):
            if "skipped" in item:
                text = view.t("feed.skipped", n=int(item["skipped"]))
                yield _event("gap", None, text)
                continue
            row = await build_row(view.console, view.words, item)
            html = row_template.render(row=row, t=view.t, language=view.language)
            summary = view.t("feed.summary", height=row.height, n=row.transactions)
            yield _event("row", row.height, html)
            yield _event("note", row.height, summary)
    except (HanseError, asyncio.IncompleteReadError):
        return  # the browser connects again from the last height


def _event(name: str, id_: int | None, data: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() if line.strip())
    mark = "" if id_ is None else f"id: {id_}\n"
    return f"event: {name}\n{mark}{lines}\n".encode()
