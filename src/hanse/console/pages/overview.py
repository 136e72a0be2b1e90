# SPDX-License-Identifier: Apache-2.0
"""The first page, the list of blocks, one block, and the feed of rows that keeps them fresh."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from hanse.client.session import CheckpointReport
from hanse.console.ledger import Record, refusal_code
from hanse.console.sentences import Part, Words, sentences_of
from hanse.console.view import TEMPLATES, Console, View
from hanse.errors import HanseError

ROWS: Final = 12  # blocks on the first page
PAGE: Final = 25  # blocks on a page of the list
SHOWN_MAX: Final = 200  # records of a block that its page shows
BLOCK_DETAIL_MAX: Final = 200  # transactions of a block that is read whole and proved for a row


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
    words: Words, records: Sequence[Record], known: Mapping[str, Mapping[str, Any]]
) -> list[Line]:
    """Return the lines of a block's records."""
    return [
        Line(
            sentences_of(words, record.receipt, record.body, lambda name: known.get(name, {})),
            record.tx,
            record.is_refused,
        )
        for record in records
    ]


def contracts_of(records: Sequence[Record]) -> set[str]:
    """Return the contracts whose descriptions the sentences of ``records`` need."""
    names = {str(record.body["contract"]) for record in records}
    for record in records:
        names |= {str(event["contract"]) for event in record.receipt.get("events", ())}
    return names


async def build_row(console: Console, words: Words, block: Mapping[str, Any]) -> Row:
    """Return the row of a block as ``/v1/blocks`` or the feed names it.

    Small blocks are read whole and proved; of large ones the row shows the node's count.
    """
    listed = block.get("transactions", 0)
    count = len(listed) if isinstance(listed, list) else int(listed)
    height = int(block["height"])
    lines: list[Line] = []
    refused = int(block.get("refused") or 0)
    if 0 < count <= BLOCK_DETAIL_MAX:
        digest = await console.block_digest(height)
        known = await console.describe_all(contracts_of(digest.first))
        lines = records_to_lines(words, digest.first, known)
        count, refused = digest.transactions, digest.refused
    elif isinstance(listed, list):
        refused = sum(entry.get("status") == "rejected" for entry in listed)
    return Row(height, int(block["time_ms"]), count, refused, lines, count - len(lines))


async def overview(view: View) -> Response:
    """Show the ledger at a glance: head, witnesses, who takes part, what just happened."""
    ledger = view.console.ledger
    status = await ledger.get("/v1/ledger")
    head = await verified_head(view)
    blocks = (await ledger.get(f"/v1/blocks?limit={ROWS}"))["blocks"]
    rows = [await build_row(view.console, view.words, block) for block in blocks]
    size, height = status.get("log_size"), status.get("height")
    counted = type(size) is int and type(height) is int
    return view.render(
        "overview.html",
        status=status,
        rows=rows,
        contracts=await view.console.cached("/v1/contracts"),
        head=head,
        # the log's leaves are the transactions and one header for each height from 0
        transactions=max(0, size - height - 1) if counted else None,
        first_use=ledger.client.trusted_on_first_use,
    )


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint that the client itself verified, or why there is none."""

    report: CheckpointReport | None
    error: str = ""


async def verified_head(view: View) -> Head:
    """Return what the client says about the newest checkpoint after checking it."""
    try:
        return Head(await view.console.ledger.checkpoint())
    except HanseError as error:
        return Head(None, refusal_code(error))


async def blocks(view: View) -> Response:
    """List blocks, newest first, a page at a time."""
    before = view.request.query_params.get("before", "")
    bound = f"&before={int(before)}" if before.isascii() and before.isdigit() else ""
    answer = await view.console.ledger.get(f"/v1/blocks?limit={PAGE}{bound}")
    rows = [await build_row(view.console, view.words, block) for block in answer["blocks"]]
    older = rows[-1].height if len(rows) == PAGE and rows[-1].height > 1 else None
    return view.render("blocks.html", rows=rows, older=older, newest=not bound)


async def block(view: View) -> Response:
    """Show one block: header, who certified it, and its records as sentences, all proved."""
    height = int(view.request.path_params["height"])
    header = await view.console.ledger.header(height)
    records = await view.console.ledger.block(height)
    known = await view.console.describe_all(contracts_of(records[:SHOWN_MAX]))
    return view.render(
        "block.html",
        height=height,
        header=header,
        lines=records_to_lines(view.words, records[:SHOWN_MAX], known),
        records=records,
        more=max(0, len(records) - SHOWN_MAX),
    )


async def feed(view: View) -> Response:
    """Stream rendered rows; the id of each is its height, so a browser resumes by itself."""
    last = view.request.headers.get("last-event-id") or view.request.query_params.get("from", "")
    start = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None
    stream = _rows(view, start)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _rows(view: View, start: int | None) -> AsyncIterator[bytes]:
    row_template = TEMPLATES.get_template("_row.html")
    yield b"retry: 2000\n\n"
    try:
        async for kind, item in view.console.ledger.feed(start):
            if kind == "gap":
                yield _event("gap", None, view.t("feed.skipped", n=int(item.get("skipped", 0))))
                continue
            row = await build_row(view.console, view.words, item)
            html = row_template.render(row=row, t=view.t, words=view.words, number=view.number)
            summary = view.t("feed.summary", height=row.height, n=row.transactions)
            yield _event("row", row.height, html)
            yield _event("note", row.height, summary)
    except HanseError:
        return  # the browser connects again from the last height


def _event(name: str, id_: int | None, data: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() if line.strip())
    mark = "" if id_ is None else f"id: {id_}\n"
    return f"event: {name}\n{mark}{lines}\n".encode()
