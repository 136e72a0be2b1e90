# SPDX-License-Identifier: Apache-2.0
"""The panels of apps, and the import of documents in the formats of their fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import quote

from starlette.responses import Response

from hanse.codec.limits import DOCUMENT_BYTES_MAX
from hanse.console import sending
from hanse.console.display import path
from hanse.console.pages.contracts import answer_page, find_entry
from hanse.console.pages.records import FORM_MARGIN
from hanse.console.pages.registry import PageNotFound
from hanse.console.upload import File
from hanse.console.view import View
from hanse.contracts.app import App, Panel
from hanse.errors import HanseError, Rejected

DRAFTS_MAX: Final = 500  # drafts that one click signs and sends


@dataclass(eq=False)
class FileGone(Rejected):
    """The checked file is no longer held by the console."""

    code: ClassVar[str] = "file_gone"
    status: ClassVar[int] = 409
    hint: ClassVar[str] = "Choose the file again: a checked file is held for one session only."


async def apps(view: View) -> Response:
    """List the apps of this ledger with their panels and formats."""
    return view.render("apps.html")


def find_app(view: View) -> App:
    """Return the app that the address names."""
    name = view.request.path_params["app"]
    for app in view.console.apps:
        if app.name == name:
            return app
    raise PageNotFound(name=name)


async def app(view: View) -> Response:
    """Show one app: its panels and the formats that it reads."""
    return view.render("app.html", app=find_app(view))


async def find_target(
    view: View, found: App, panel: Panel
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the contract's description and the entry (action or query) behind a panel."""
    kind, name = ("actions", panel.action) if panel.kind == "form" else ("queries", panel.query)
    contract_name, dot, entry_name = (name or "").rpartition(".")
    names = [contract_name] if dot else [contract.name for contract in found.contracts]
    for one in names:
        description = await view.console.describe(one)
        try:
            return description, find_entry(description, kind, entry_name)
        except PageNotFound:
            continue
    raise PageNotFound(name=f"{found.name}.{panel.name}")


async def panel(view: View) -> Response:
    """Show a panel: the answer of its query as table, timeline or graph; a form opens its action."""
    found = find_app(view)
    wanted = view.request.path_params["panel"]
    chosen = next((one for one in found.panels if one.name == wanted), None)
    if chosen is None:
        raise PageNotFound(name=wanted)
    description, entry = await find_target(view, found, chosen)
    if chosen.kind == "form":
        address = path("contracts", description["name"], "actions", entry["name"])
        return view.redirect(address)
    extra = {"app": found, "panel": chosen, "columns": chosen.columns}
    return await answer_page(view, description, entry, "panel.html", extra)


async def documents(view: View) -> Response:
    """Show the import page: a format, a file, a check."""
    return await _documents_page(view)


async def documents_check(view: View) -> Response:
    """Check an uploaded document, or sign and send the drafts of the one just checked."""
    form = await view.read_form(DOCUMENT_BYTES_MAX + FORM_MARGIN)
    if form.first("do") == "send":
        return await _send_drafts(view)
    file, name = form.files.get("file"), form.first("format")
    if file is None or not file.data:
        return await _documents_page(view, chosen=name, problem_key="documents.nothing", status=400)
    try:
        report = await check_format(view, name, file)
    except HanseError as error:
        return await _documents_page(view, chosen=name, problem=error, status=error.status)
    view.console.held.keep(view.session.id, name, file)
    return await _documents_page(view, chosen=name, report=report, file=file)


async def check_format(view: View, name: str, file: File) -> Mapping[str, Any]:
    """Return the report of the format's check; the bytes go to the node as they came."""
    address = f"/v1/formats/{quote(name, safe='')}/check"
    answer = await view.console.client.post_bytes(address, file.data, file.media_type)
    return answer if isinstance(answer, Mapping) else {}


async def _send_drafts(view: View) -> Response:
    held = view.console.held.take(view.session.id)
    if held is None:
        raise FileGone
    name, file = held
    report = await check_format(view, name, file)
    client, member = view.console.client, view.member
    sent: list[dict[str, Any]] = []
    problem: HanseError | None = None
    try:
        if member is None:
            raise sending.KeyMissing(member="")
        stored = await client.post_bytes("/v1/documents", file.data, file.media_type)
        for draft in report.get("drafts", ())[:DRAFTS_MAX]:
            call = (draft["contract"], draft["action"], draft["args"])
            signers, directory = view.console.wallet, view.words.directory
            receipt = await sending.send(client, signers, directory, member, call)
            sent.append({"draft": draft, "receipt": receipt})
    except HanseError as error:
        problem, stored = error, None
    data = {"report": report, "file": file, "sent": sent, "stored": stored, "problem": problem}
    return await _documents_page(view, chosen=name, **data)


async def _documents_page(view: View, **data: Any) -> Response:
    listed = await view.console.cached("/v1/formats")
    status = data.pop("status", 200)
    defaults: dict[str, Any] = {
        "chosen": view.request.query_params.get("format", ""),
        "report": None,
        "file": None,
        "sent": None,
        "stored": None,
        "problem": None,
        "problem_key": "",
        "drafts_max": DRAFTS_MAX,
    }
    return view.render("documents.html", status, formats=listed, **{**defaults, **data})
