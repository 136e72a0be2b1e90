# SPDX-License-Identifier: Apache-2.0
"""Contracts: what they are, forms for their actions, answers of their queries."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from hanse.client.reading import QueryAnswer
from hanse.console import forms
from hanse.console.calls import action_calls, query_calls
from hanse.console.display import path
from hanse.console.graph import Graph, draw, parse_graph
from hanse.console.pages.targets import find_entry
from hanse.console.upload import Form
from hanse.console.view import View
from hanse.errors import HanseError

PROPOSALS_SHOWN: Final = 25  # the newest
ROWS_MAX: Final = 500  # rows of a result that a page shows; the rest is counted


async def contracts(view: View) -> Response:
    """List the contracts of the ledger with their status, and what is proposed about them."""
    listed = await view.console.cached("/v1/contracts")
    proposals: list[Any] = []
    if any(one["name"] == "governance" for one in listed):
        args = {"limit": PROPOSALS_SHOWN}
        answer = await view.console.ledger.query("governance", "list_proposals", args, view.member)
        if isinstance(answer.result, list):
            proposals = answer.result[::-1]
    return view.render("contracts.html", contracts=listed, proposals=proposals)


async def contract(view: View) -> Response:
    """Show a contract: what it allows and refuses, its events and state, its source and hash."""
    name = view.request.path_params["contract"]
    return view.render("contract.html", contract=await view.console.describe(name))


def words_of(view: View) -> dict[str, str]:
    """Return the messages that a form's fields can carry."""
    return {
        name: view.t(f"form.error.{name}", bound="{bound}")
        for name in ("needed", "integer", "minimum", "maximum", "json", "choice")
    }


def query_form(view: View) -> Form:
    """Return the address's query as a form, so that answers can be linked."""
    form = Form()
    for name, value in view.request.query_params.multi_items():
        form.add(name, value)
    return form


async def action_form(view: View) -> Response:
    """Show the form of an action, filled from the address where it carries values."""
    description, entry = await _find_action(view)
    fields = forms.build_fields(entry["args"])
    given = query_form(view)
    if any(one.name in given.fields for one in forms.flatten(fields)):
        forms.fill(fields, given)
    return _action_page(view, description, entry, fields)


async def action_submit(view: View) -> Response:
    """Check an action on the current state, or sign and send it; then the receipt is shown."""
    form = await view.read_form()
    description, entry = await _find_action(view)
    fields = forms.build_fields(entry["args"])
    forms.fill(fields, form)
    args = forms.read_arguments(fields, words_of(view))
    if any(one.error for one in forms.flatten(fields)):
        return _action_page(view, description, entry, fields, status=422)
    member = view.member or form.first("signer")
    contract_name, action = str(description["name"]), str(entry["name"])
    ledger, directory = view.console.ledger, view.words.directory
    call = (contract_name, action, args)
    try:
        if form.first("do") != "send":
            outcome = await ledger.check(directory, member, call)
            return _action_page(view, description, entry, fields, args=args, outcome=outcome)
        receipt = await ledger.send(directory, member, call)
    except HanseError as error:
        return _action_page(
            view, description, entry, fields, args=args, problem=error, status=error.status
        )
    return view.redirect(path("transactions", receipt.tx) + "?sent=1")


async def _find_action(view: View) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    params = view.request.path_params
    description = await view.console.describe(params["contract"])
    return description, find_entry(description, "actions", params["action"])


def _action_page(  # noqa: PLR0913 - the keyword arguments are the states of one page
    view: View,
    description: Mapping[str, Any],
    entry: Mapping[str, Any],
    fields: Sequence[forms.Field],
    *,
    args: Mapping[str, Any] | None = None,
    outcome: Mapping[str, Any] | None = None,
    problem: HanseError | None = None,
    status: int = 200,
) -> Response:
    member = view.member or "member@organisation"
    shown = args
    if shown is None:
        shown = {one.name: one.value or "…" for one in fields if one.required}
    name = str(description["name"])
    return view.render(
        "action.html",
        status,
        contract=description,
        action=entry,
        fields=fields,
        errors=[one for one in forms.flatten(fields) if one.error],
        outcome=outcome,
        problem=problem,
        calls=action_calls(view.console.ledger.url, name, str(entry["name"]), shown, member),
        exact=args is not None,
    )


async def query(view: View) -> Response:
    """Ask a query with the values in the address and show the answer as table, graph or fields."""
    params = view.request.path_params
    description = await view.console.describe(params["contract"])
    entry = find_entry(description, "queries", params["query"])
    return await answer_page(view, description, entry, "query.html", {})


async def answer_page(
    view: View,
    description: Mapping[str, Any],
    entry: Mapping[str, Any],
    template: str,
    extra: Mapping[str, Any],
) -> Response:
    """Render a page that holds a query's form and, once it can be asked, its answer."""
    fields = forms.build_fields(entry["args"])
    given = query_form(view)
    forms.fill(fields, given)
    asked = "run" in given.fields or not any(one.required for one in fields)
    args: dict[str, Any] = {}
    answer: QueryAnswer | None = None
    problem: HanseError | None = None
    if asked:
        args = forms.read_arguments(fields, words_of(view))
        asked = not any(one.error for one in forms.flatten(fields))
    contract_name, name = str(description["name"]), str(entry["name"])
    ledger = view.console.ledger
    if asked:
        try:
            answer = await ledger.query(contract_name, name, args, view.member)
        except HanseError as error:
            problem = error
    result = None if answer is None else answer.result
    graph = parse_graph(result)
    if graph is not None:
        graph = link_nodes(graph, view, fields)
    return view.render(
        template,
        problem.status if problem else 200,
        contract=description,
        query=entry,
        fields=fields,
        errors=[one for one in forms.flatten(fields) if one.error],
        answer=answer,
        result=result,
        problem=problem,
        graph=graph,
        drawing=draw(graph, forms.humanise(name)) if graph else None,
        caption=extra["panel"].title if "panel" in extra else forms.humanise(name),
        cut=isinstance(result, Mapping) and result.get("complete") is False,
        table=None if graph else build_table(result, extra.get("columns", ())),
        calls=query_calls(ledger.url, contract_name, name, args),
        **{key: value for key, value in extra.items() if key != "columns"},
    )


def build_table(
    result: Any, wanted: Sequence[str]
) -> tuple[list[str], list[list[Any]], int] | None:
    """Return columns, rows and how many rows are not shown, or ``None`` where no table fits."""
    if isinstance(result, Mapping):
        lists = [value for value in result.values() if isinstance(value, list)]
        if len(lists) != 1:
            return None
        result = lists[0]
    if not isinstance(result, list) or not result:
        return None
    shown = result[:ROWS_MAX]
    if not all(isinstance(row, Mapping) for row in shown):
        if any(isinstance(row, Mapping) for row in shown):
            return None
        rows = [row if isinstance(row, list) else [row] for row in shown]
        width = max(len(row) for row in rows)
        names = [wanted[i] if i < len(wanted) else str(i + 1) for i in range(width)]
        padded = [row + [None] * (width - len(row)) for row in rows]
        return names, padded, len(result) - len(shown)
    names = list(wanted)
    if not names:
        for row in shown:
            names += [key for key in row if key not in names]
    rows = [[row.get(name) for name in names] for row in shown]
    return names, rows, len(result) - len(shown)


def link_nodes(graph: Graph, view: View, fields: Sequence[forms.Field]) -> Graph:
    """Return the graph with each node opening the same question about itself."""
    texts = [one.name for one in fields if one.kind == "text" and one.required]
    if len(texts) != 1:
        return graph
    here = view.request.url.path
    nodes = tuple(
        node
        if node.href
        else replace(node, href=f"{here}?{texts[0]}={quote(node.id, safe='')}&run=1")
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes)
