# SPDX-License-Identifier: Apache-2.0
"""What an address names: an action, a query, an app, the call behind a panel; or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hanse.console.view import View
from hanse.contracts.app import App, Panel
from hanse.errors import HanseError, Rejected

Entry = Mapping[str, Any]


@dataclass(eq=False)
class PageNotFound(Rejected):
    """The ledger has nothing of that name."""

    name: str
    code: ClassVar[str] = "page_not_found"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = "Check the identifier, or use the search box."


def find_entry(description: Entry, kind: str, name: str) -> Entry:
    """Return the action or query of that name.

    Raises:
        PageNotFound: the contract has none.
    """
    for entry in description.get(kind, ()):
        if entry.get("name") == name and isinstance(entry, Mapping):
            return entry
    raise PageNotFound(name=name)


def find_app(view: View) -> App:
    """Return the app that the address names.

    Raises:
        PageNotFound: this ledger has none of that name.
    """
    name = view.request.path_params["app"]
    for app in view.console.apps:
        if app.name == name:
            return app
    raise PageNotFound(name=name)


def contract_names(app: App) -> list[str]:
    """Return the names under which an app's contracts stand on the ledger."""
    return [contract.name or contract.__name__.lower() for contract in app.contracts]


async def find_target(view: View, app: App, panel: Panel) -> tuple[Entry, Entry]:
    """Return the contract's description and the action or query behind a panel.

    Raises:
        PageNotFound: no contract of the app has it.
    """
    kind, name = ("actions", panel.action) if panel.kind == "form" else ("queries", panel.query)
    contract, dot, entry_name = (name or "").rpartition(".")
    for one in [contract] if dot else contract_names(app):
        try:
            description = await view.console.describe(one)
            return description, find_entry(description, kind, entry_name)
        except HanseError:
            continue
    raise PageNotFound(name=f"{app.name}.{panel.name}")
