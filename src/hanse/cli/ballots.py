# SPDX-License-Identifier: Apache-2.0
"""What the proposals of contracts and of the network share: to vote, to take back, to list."""

from collections.abc import Callable
from typing import Any, Protocol

import click

from hanse.cli.options import Node, Signing, on_node, signing
from hanse.cli.output import common, emit
from hanse.client import Client
from hanse.client.receipts import VerifiedReceipt
from hanse.node.errors import NotFound

LISTED = 100  # proposals asked for at once

Document = dict[str, Any]


class Show(Protocol):
    """Prints a proposal."""

    def __call__(self, held: Document, *, as_json: bool) -> None:
        """Print it, as text or as JSON."""


def act(client: Client, contract: str, action: str, args: Document) -> VerifiedReceipt:
    """Return the proved receipt of an action that was not refused."""
    return client.submit(contract, action, args).require_ok()


def proposal_of(client: Client, contract: str, number: int) -> Document:
    """Return a proposal, proved to be on the ledger.

    Raises:
        NotFound: there is none.
    """
    found = client.state(contract, "proposals", number)
    if not isinstance(found.value, dict):
        raise NotFound("proposal", str(number))
    return {"number": number, **found.value}


def terms_options(function: Any) -> Any:
    """Give a command what every proposal can say: reason, height, how long it stays open."""
    function = click.option("--reason", required=True, help="Why; 1 to 400 characters.")(function)
    function = click.option(
        "--at", "not_before", type=int, default=0, help="Not before this height."
    )(function)
    return click.option(
        "--open-blocks",
        type=int,
        default=10_000,
        show_default=True,
        help="Blocks for which ballots are taken.",
    )(function)


def became_of(held: Document) -> str:
    """Return status, height and reason of a proposal, in a few words."""
    at = held.get("settled_height") or held.get("due_height")
    where = "" if at is None else f" at height {at}"
    why = f": {held['code']}, {held['reason']}" if held.get("code") else ""
    return f"{held['status']}{where}{why}  by {held['by']}"


def voting_commands(
    contract: str, group: str, show: Show
) -> tuple[click.Command, click.Command, click.Command]:
    """Return the commands to approve, reject and withdraw a proposal of ``contract``."""

    def vote(choice: str, number: int, reason: str, signer: Signing, node: Node) -> Document:
        with node.client(signer) as client:
            held = proposal_of(client, contract, number)
            args = {"number": number, "binds": held["binds"], "reason": reason}
            act(client, contract, choice, args)
            return proposal_of(client, contract, number)

    def approve(*, number: int, reason: str, signer: Signing, node: Node, as_json: bool) -> None:
        show(vote("approve", number, reason, signer, node), as_json=as_json)

    def reject(*, number: int, reason: str, signer: Signing, node: Node, as_json: bool) -> None:
        show(vote("reject", number, reason, signer, node), as_json=as_json)

    def withdraw(*, number: int, signer: Signing, node: Node, as_json: bool) -> None:
        with node.client(signer) as client:
            act(client, contract, "withdraw", {"number": number})
            show(proposal_of(client, contract, number), as_json=as_json)

    approve.__doc__ = f"""Vote for a proposal: for exactly what it holds now.

    Examples:
      hanse {group} approve 3 --as bob@bolt --key bob.key
    """
    reject.__doc__ = f"""Vote against a proposal; enough such votes reject it.

    Examples:
      hanse {group} reject 3 --reason "too soon" --as bob@bolt --key bob.key
    """
    withdraw.__doc__ = f"""Take back a proposal of one's own organisation before it is decided.

    Examples:
      hanse {group} withdraw 3 --as ada@acme --key ada.key
    """
    why = click.option("--reason", default="", help="Why; up to 400 characters.")
    must = click.option("--reason", required=True, help="Why; 1 to 400 characters.")
    return (_numbered(why(approve)), _numbered(must(reject)), _numbered(withdraw))


def _numbered(function: Callable[..., None]) -> click.Command:
    made = signing(on_node(common(function)))
    return click.command(function.__name__)(click.argument("number", type=int)(made))


def list_command(
    contract: str, name: str, about: str, line: Callable[[Document], str]
) -> click.Command:
    """Return the command ``name`` that lists the proposals of ``contract``, in lines."""

    def listed(*, only_open: bool, node: Node, as_json: bool) -> None:
        rows: list[Document] = []
        with node.client() as client:
            while True:
                args = {"start": rows[-1]["number"] + 1 if rows else 1, "limit": LISTED}
                found: Any = client.query(contract, "list_proposals", args).result
                rows += [{"number": row["number"], **row["proposal"]} for row in found]
                if len(found) < LISTED:
                    break
        shown = [r for r in rows if not only_open or r["status"] in ("proposed", "approved")]
        text = "\n".join(map(line, shown)) or "there are no proposals"
        emit(shown, as_json=as_json, text=text)

    listed.__doc__ = f"""List the proposals about {about} and what became of them.

    Examples:
      hanse {name}
      hanse {name} --open --json
    """
    listed.__name__ = name.rpartition(" ")[2]
    made = on_node(common(listed))
    shown = click.option("--open", "only_open", is_flag=True, help="Only those that wait.")(made)
    return click.command(listed.__name__)(shown)
