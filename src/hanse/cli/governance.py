# SPDX-License-Identifier: Apache-2.0
"""``hanse governance``: who takes part in the network and by which rules, decided by ballot."""

from typing import Any

import click
import msgspec

from hanse.cli import ballots
from hanse.cli.ballots import Document, became_of, terms_options
from hanse.cli.options import Node, Signing, on_node, signing
from hanse.cli.output import common, emit
from hanse.kernel.changes import KINDS

NETWORK = "network"
LISTS = ("organisations", "roles")  # of a policy: names with commas between them


@click.group()
def governance() -> None:
    """Decide who takes part in the network, and by which rules."""


def _about(change: Document) -> str:
    """Return what a change is about: the values of its argument that are no keys."""
    argument: Document = change[KINDS[change["resource"]].argument]
    hidden = ("public_key", "node_key", "voting_key", "suite", "node_suite", "key_id")
    told = [
        f"{name}={_text(value)}"
        for name, value in argument.items()
        if value not in (None, []) and name not in hidden
    ]
    return " ".join(told)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _line(held: Document) -> str:
    change = held["change"]
    forced = " FORCED" if change["forced"] else ""
    what = f"{change['resource']}{forced} {_about(change)}"
    return f"{held['number']:>4}  {what:<44} {became_of(held)}"


def show_proposal(held: Document, *, as_json: bool) -> None:
    """Print a proposal."""
    emit(held, as_json=as_json, text=f"{_line(held)}\nreason    {held['change']['reason']}")


@governance.command()
@on_node
@common
def show(*, node: Node, as_json: bool) -> None:
    """Show the constitution: who decides about what; the rules; the validators of the engine.

    Examples:
      hanse governance show
      hanse governance show --json
    """
    with node.client() as client:
        rules: Document = client.get("/v1/ledger")["rules"]
        policies: Any = client.query(NETWORK, "constitution", {}).result
        validators: Any = client.query(NETWORK, "validators", {}).result
    lines = ["policies"]
    for policy in policies:
        who = _text(policy["organisations"]) or "all organisations"
        roles = _text(policy["roles"]) or "any role"
        note = "  (default)" if policy["source"] == "default" else ""
        lines.append(f"  {policy['resource']:<24} {policy['rule']:<10} of {who}, {roles}{note}")
    lines += ["rules", *(f"  {name:<24} {value}" for name, value in rules.items())]
    lines.append("validators" if validators else "validators: the engine has none, one node orders")
    for seat in validators:
        seen = seat["seen_height"]
        told = "never seen" if seen is None else f"seen at height {seen}"
        lines.append(f"  {seat['node']}@{seat['organisation']:<20} power {seat['power']}, {told}")
    document = {"policies": policies, "rules": rules, "validators": validators}
    emit(document, as_json=as_json, text="\n".join(lines))


@governance.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)), metavar="KIND")
@click.argument("values", nargs=-1, metavar="NAME=VALUE...")
@terms_options
@click.option("--force", is_flag=True, help="Although no quorum would be left: with all others.")
@signing
@on_node
@common
def propose(
    *,
    kind: str,
    values: tuple[str, ...],
    reason: str,
    not_before: int,
    open_blocks: int,
    force: bool,
    signer: Signing,
    node: Node,
    as_json: bool,
) -> None:
    """Propose a change of the network.

    KIND is one of node.add|remove|rotate, organisation.admit|suspend|reinstate|remove,
    parameters.set, policy.set, software.activate, validator.add|power|remove|rotate, weight.set.
    NAME=VALUE are the fields of what the kind is about; `hanse contract show network` and
    docs/how-to/govern-a-network.md list them. It is tried at once: what could not be carried out
    is refused with the reason.

    Examples:
      hanse governance propose organisation.suspend organisation=bolt --reason "unpaid" \
--as ada@acme --key ada.key
      hanse governance propose parameters.set cost_max=100000 --reason "fair" \
--as ada@acme --key ada.key
      hanse governance propose policy.set resource=contract.approve rule=2/3 roles=admin \
--reason "calm" --as ada@acme --key ada.key
    """
    change: Document = {
        "forced": force,
        "not_before": not_before,
        "open_blocks": open_blocks,
        "reason": reason,
        "resource": kind,
        KINDS[kind].argument: read_values(kind, values),
    }
    with node.client(signer) as client:
        number = ballots.act(client, NETWORK, "propose", {"change": change}).result
        assert isinstance(number, int)
        show_proposal(ballots.proposal_of(client, NETWORK, number), as_json=as_json)


def read_values(kind: str, values: tuple[str, ...]) -> Document:
    """Return the argument of a kind of change that ``NAME=VALUE`` say.

    Raises:
        BadParameter: one of them has another form, or names a field twice.
    """
    found: Document = {"organisations": [], "roles": []} if kind == "policy.set" else {}
    named: set[str] = set()
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name or name in named:
            raise click.BadParameter(f"{value!r} is no NAME=VALUE, or a name stands twice")
        named.add(name)
        found[name] = [part for part in text.split(",") if part] if name in LISTS else _value(text)
    return found


def _value(text: str) -> object:
    """Return a whole number where the text is one; else the text, base64url of keys among them."""
    try:
        return msgspec.json.decode(text, type=int)
    except msgspec.DecodeError:
        return text


for _command in ballots.voting_commands(NETWORK, "governance", show_proposal):
    governance.add_command(_command)
governance.add_command(
    ballots.list_command(NETWORK, "governance list", "the network", _line), "list"
)
