# SPDX-License-Identifier: Apache-2.0
"""A transaction with its receipt, the proof of it, and the verify page for files from anywhere."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from hanse.codec.limits import EVIDENCE_BYTES_MAX
from hanse.console import checking, proof_svg
from hanse.console.calls import transaction_calls
from hanse.console.display import short
from hanse.console.ledger import Verdict
from hanse.console.pages.overview import contracts_of
from hanse.console.sentences import as_text, sentences_of
from hanse.console.view import View
from hanse.errors import HanseError, Misconfigured, Rejected

FORM_MARGIN: Final = 64 * 1024  # bytes that the fields beside a file may take


async def transaction(view: View) -> Response:
    """Show a transaction: sentence, then fields, then canonical JSON; a refusal with its cause."""
    tx = view.request.path_params["tx"]
    ledger = view.console.ledger
    record = await ledger.record(tx)
    known = await view.console.describe_all(contracts_of([record]))
    describe = lambda name: known.get(name, {})  # noqa: E731 - one use, named for the reader
    sentences = sentences_of(view.words, record.receipt, record.body, describe)
    header = await ledger.header(int(record.receipt["height"]))
    return view.render(
        "transaction.html",
        tx=tx,
        receipt=record.receipt,
        signed=record.transaction,
        body=record.body,
        sentences=sentences,
        title=as_text(sentences),
        verdict=await find_verdict(view, tx),
        time_ms=header.fields["time_ms"],
        why=await find_why(view, tx) if record.is_refused else None,
        calls=transaction_calls(ledger.url, tx, record.transaction),
        sent="sent" in view.request.query_params,
    )


async def find_verdict(view: View, tx: str) -> Verdict | None:
    """Return the client's verdict on the evidence of a record; ``None`` while there is none."""
    ledger = view.console.ledger
    try:
        return checking.judge(await ledger.evidence(tx), await ledger.trust())
    except (Rejected, Misconfigured):
        return None  # a quorum of witnesses may not have signed yet


async def find_why(view: View, tx: str) -> Mapping[str, Any] | None:
    """Return why a transaction was refused, in the node's words."""
    try:
        answer = await view.console.ledger.get(f"/v1/transactions/{quote(tx, safe='')}/why")
    except HanseError:
        return None
    return answer if isinstance(answer, Mapping) else None


async def evidence(view: View) -> Response:
    """Give the evidence file of a record, byte for byte, as a download."""
    tx = view.request.path_params["tx"]
    data = await view.console.ledger.evidence(tx)
    name = "".join(c for c in tx if c.isascii() and (c.isalnum() or c in "-_"))[:43]
    headers = {"content-disposition": f'attachment; filename="evidence-{name}.json"'}
    return view.finish(Response(data, media_type="application/json", headers=headers))


async def proof(view: View) -> Response:
    """Draw the path from a record to the checkpoint, with the six steps; altered copies fail."""
    tx = view.request.path_params["tx"]
    ledger = view.console.ledger
    data, trust = await ledger.evidence(tx), await ledger.trust()
    altered = view.request.query_params.get("alter", "")
    altered = altered if altered in checking.ALTERATIONS else ""
    ladder = proof_svg.build_ladder(checking.parse(data))
    return view.render(
        "proof.html",
        tx=tx,
        verdict=checking.judge(checking.alter(data, altered) if altered else data, trust),
        altered=altered,
        alterations=checking.ALTERATIONS,
        ladder=ladder,
        drawing=proof_svg.draw(ladder, ladder_words(view, tx)) if ladder else None,
        trust=trust,
        size=len(data),
    )


def ladder_words(view: View, tx: str) -> dict[str, str]:
    """Return the words in the drawing of a proof."""
    names = ("leaf", "level", "root", "header", "checkpoint", "left", "right")
    words = {name: view.t(f"proof.{name}") for name in names}
    return {**words, "title": view.t("proof.drawing", tx=short(tx))}


async def verify_form(view: View) -> Response:
    """Show the verify page: a file, a trust anchor, six steps."""
    return await _verify_page(view, None, "", "")


async def verify_file(view: View) -> Response:
    """Verify an uploaded evidence file against the anchor that the reader gave."""
    form = await view.read_form(EVIDENCE_BYTES_MAX + FORM_MARGIN)
    anchor = form.first("trust").strip()
    file = form.files.get("file")
    data = file.data if file else form.first("pasted").strip().encode()
    if not data:
        return await _verify_page(view, None, anchor, "verify.nothing", 400)
    return await _verify_page(view, checking.judge(data, anchor or None), anchor, "", data=data)


async def _verify_page(  # noqa: PLR0913 - what one page shows
    view: View,
    verdict: Verdict | None,
    anchor: str,
    problem: str,
    status: int = 200,
    *,
    data: bytes = b"",
) -> Response:
    try:
        ledger_id = await view.console.ledger.trust()
    except HanseError:
        ledger_id = ""  # the page works while the node is away
    return view.render(
        "verify.html",
        status,
        verdict=verdict,
        anchor=anchor,
        problem=problem,
        size=len(data),
        ledger_id=ledger_id,
    )
