# SPDX-License-Identifier: Apache-2.0
"""The panels of apps, and the import of documents in the formats of their fields."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from starlette.responses import Response

from hanse.codec.limits import DOCUMENT_BYTES_MAX
from hanse.console.display import path
from hanse.console.ledger import KeyMissing
from hanse.console.pages.contracts import answer_page
from hanse.console.pages.records import FORM_MARGIN
from hanse.console.pages.targets import PageNotFound, contract_names, find_app, find_target
from hanse.console.view import View
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


async def app(view: View) -> Response:
    """Show one app: its panels and the formats that it reads."""
    found = find_app(view)
    return view.render("app.html", app=found, contract_names=contract_names(found))


async def panel(view: View) -> Response:
    """Show a panel: its query's answer as table, timeline or graph; a form opens its action."""
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
        report = await view.console.ledger.check_format(name, file.data, file.media_type)
    except HanseError as error:
        return await _documents_page(view, chosen=name, problem=error, status=error.status)
    view.console.held.keep(view.session.id, name, file)
    return await _documents_page(view, chosen=name, report=report, file=file)


async def _send_drafts(view: View) -> Response:
    held = view.console.held.take(view.session.id)
    if held is None:
        raise FileGone
    name, file = held
    ledger, member = view.console.ledger, view.member
    data: dict[str, Any] = {"file": file, "sent": []}
    try:
        report = await ledger.check_format(name, file.data, file.media_type)
        if member is None:
            raise KeyMissing(member="")
        drafts = [
            (str(draft["contract"]), str(draft["action"]), draft["args"])
            for draft in report.get("drafts", ())[:DRAFTS_MAX]
        ]
        data["stored"] = await ledger.put_document(file.data)
        outcomes = await ledger.send_many(view.words.directory, member, drafts)
        data["sent"] = list(zip(drafts, outcomes, strict=True))
    except HanseError as error:
        data["problem"] = error
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
