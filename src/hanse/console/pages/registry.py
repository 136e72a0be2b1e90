# SPDX-License-Identifier: Apache-2.0
"""Organisations with their members and keys, and the search that accepts anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from hanse.console.display import path
from hanse.console.pages.targets import PageNotFound, find_target
from hanse.console.view import View
from hanse.contracts.app import App, Panel
from hanse.errors import HanseError

QUERY_CHARS_MAX: Final = 4_096
PROPOSALS_SHOWN: Final = 25  # the newest
FOUND_MAX: Final = 50  # results of one kind
_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HEIGHT = re.compile(r"[0-9]{1,12}", re.ASCII)


async def organisations(view: View) -> Response:
    """List the organisations of the ledger, who votes in the engine, and what is proposed."""
    listed = await view.console.cached("/v1/contracts")
    validators: list[Any] = []
    proposals: list[Any] = []
    if any(one["name"] == "network" for one in listed):
        validators = await _rows(view, "validators", {})
        proposals = (await _rows(view, "list_proposals", {"limit": PROPOSALS_SHOWN}))[::-1]
    return view.render(
        "organisations.html",
        organisations=view.words.directory.organisations,
        proposals=proposals,
        validators=validators,
    )


async def _rows(view: View, query: str, args: dict[str, Any]) -> list[Any]:
    answer = await view.console.ledger.query("network", query, args, view.member)
    return answer.result if isinstance(answer.result, list) else []


async def organisation(view: View) -> Response:
    """Show one organisation: members, roles, and each key with the heights at which it is valid."""
    id_ = view.request.path_params["organisation"]
    for entry in view.words.directory.organisations:
        if entry.get("id") == id_:
            return view.render("organisation.html", organisation=entry)
    raise PageNotFound(name=id_)


@dataclass(slots=True)
class Found:
    """Results of one kind, and why they match."""

    kind: str
    entries: list[tuple[str, str, str]] = field(default_factory=list)  # text, address, why

    def add(self, text: str, address: str, why: str) -> None:
        """Add one result while there is room."""
        if len(self.entries) < FOUND_MAX:
            self.entries.append((text, address, why))


async def search(view: View) -> Response:
    """Open the one thing that matches exactly; else show results by kind, with the reason."""
    query = view.request.query_params.get("q", "").strip()[:QUERY_CHARS_MAX]
    if not query:
        return view.render("search.html", query="", groups=[], bundle=False)
    if query.startswith("{") or "\n" in query:
        return view.render("search.html", query=query[:200], groups=[], bundle=True)
    exact = await _find_exact(view, query)
    if exact:
        return view.redirect(exact)
    groups = [
        await _ask_panels(view, query),
        _find_members(view, query),
        *await _find_contracts(view, query),
    ]
    groups = [group for group in groups if group.entries]
    entries = [entry for group in groups for entry in group.entries]
    exactly = [entry for entry in entries if entry[0].lower() == query.lower()]
    if len(exactly) == 1 and len(entries) == 1:
        return view.redirect(exactly[0][1])
    return view.render("search.html", query=query, groups=groups, bundle=False)


async def _find_exact(view: View, query: str) -> str | None:
    ledger = view.console.ledger
    candidates = []
    if _HEIGHT.fullmatch(query):
        candidates.append((f"/v1/headers/{int(query)}", path("blocks", int(query))))
    if _ID.fullmatch(query):
        candidates.append((f"/v1/transactions/{query}", path("transactions", query)))
    for asked, address in candidates:
        try:
            await ledger.get(asked)
        except HanseError:
            continue
        return address
    directory = view.words.directory
    if "@" in query and directory.has_member(query):
        member, _, organisation_id = query.partition("@")
        return path("organisations", organisation_id) + f"#{quote(member)}"
    return path("organisations", query) if directory.name_of(query) else None


def _find_members(view: View, query: str) -> Found:
    group, needle = Found("organisations"), query.lower()
    for entry in view.words.directory.organisations:
        address = path("organisations", entry["id"])
        if needle in str(entry.get("name", "")).lower() or needle in str(entry["id"]).lower():
            group.add(str(entry.get("name") or entry["id"]), address, view.t("search.by_name"))
        for member in entry.get("members", ()):
            roles = [str(role) for role in member.get("roles", ())]
            if needle in str(member["id"]).lower() or needle in roles:
                group.add(str(member["id"]), address, ", ".join(roles))
    return group


async def _find_contracts(view: View, query: str) -> list[Found]:
    contracts, codes = Found("contracts"), Found("refusals")
    needle = query.lower()
    listed = await view.console.cached("/v1/contracts")
    known = await view.console.describe_all({str(entry["name"]) for entry in listed[:100]})
    for name, description in known.items():
        if needle in name or needle in str(description.get("title", "")).lower():
            contracts.add(name, path("contracts", name), view.t("search.by_name"))
        for action in description.get("actions", ()):
            address = path("contracts", name, "actions", action["name"])
            if needle in str(action["name"]):
                contracts.add(f"{name}.{action['name']}", address, view.t("search.by_name"))
            if needle in action.get("rejects", ()):
                codes.add(needle, address, f"{name}.{action['name']}")
    return [contracts, codes]


async def _ask_panels(view: View, text: str) -> Found:
    """Give the text to each panel whose query takes one text: lots, serial numbers, GTINs."""
    found = Found("records")
    for app in view.console.apps:
        for panel in app.panels:
            asked = await _one_text_query(view, app, panel)
            if asked is None:
                continue
            contract, query, argument = asked
            try:
                answer = await view.console.ledger.query(
                    contract, query, {argument: text}, view.member
                )
            except HanseError:
                continue
            if not _is_empty(answer.result):
                address = path("apps", app.name, panel.name)
                shown = f"{address}?{argument}={quote(text, safe='')}&run=1"
                found.add(f"{panel.title}: {text}", shown, app.title)
    return found


async def _one_text_query(view: View, app: App, panel: Panel) -> tuple[str, str, str] | None:
    if panel.kind == "form" or not panel.query:
        return None
    description, entry = await find_target(view, app, panel)
    args = entry.get("args", {})
    required = args.get("required", [])
    if len(required) != 1 or args["properties"][required[0]].get("type") != "string":
        return None
    return str(description["name"]), str(entry["name"]), str(required[0])


def _is_empty(result: object) -> bool:
    if isinstance(result, Mapping):
        lists = [value for value in result.values() if isinstance(value, list)]
        return bool(lists) and not any(lists)
    return not result
