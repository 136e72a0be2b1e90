# SPDX-License-Identifier: Apache-2.0
"""What clients ask of a network: money, vouchers, members and keys, votes; right and wrong."""

from dataclasses import dataclass
from typing import Any, Final

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import Transaction, decode_transaction
from hanse.crypto import SHA256
from hanse.testing.simulator.chance import Chance
from hanse.testing.simulator.founding import POWER, SUITE, TIME_MS, public_key
from hanse.testing.simulator.node import Founded

Call = tuple[str, dict[str, Any]]

ACCOUNTS: Final = ("ann", "bea", "cem", "dai")
COST_MAX: Final = 50_000
PROBE: Final = "probe@acme"  # a member whom nobody touches


@dataclass(frozen=True, slots=True)
class Request:
    """One transaction that a client wants on the ledger.

    ``votes_on`` is a proposal whose present content the client looks up before it signs. ``twice``
    sends it through two nodes at once.
    """

    number: int
    at_ms: int
    signer: str
    name: str  # contract.action
    args: dict[str, Any]
    nonce: int
    key: str = "k1"
    lives_ms: int = 600_000
    cost_max: int = COST_MAX
    twice: bool = False
    votes_on: int = 0
    tx: Transaction | None = None  # where somebody else has made it


def build_transaction(founded: Founded, request: Request, binds: str = "") -> Transaction:
    """Return the transaction of a request; nodes have checked its signature, which is of zeros."""
    if request.tx is not None:
        return request.tx
    contract, _, action = request.name.partition(".")
    args = {**request.args, "binds": binds} if request.votes_on else request.args
    body = {
        "action": action,
        "args": args,
        "contract": contract,
        "cost_max": request.cost_max,
        "expires_ms": TIME_MS + request.at_ms + request.lives_ms,
        "key": request.key,
        "ledger": founded.ledger,
        "nonce": to_text(SHA256(b"nonce %d" % request.nonce)[:16]),
        "signer": request.signer,
        "v": 1,
    }
    signature = {"key": request.key, "signature": to_text(bytes(64)), "signer": request.signer}
    raw = encode({"body": body, "signatures": [signature]})
    return decode_transaction(raw, SHA256.tagged)


def draw_requests(
    chance: Chance, founded: Founded, count: int, work_ms: int, *, honest: bool
) -> tuple[Request, ...]:
    """Return ``count`` requests after those that open the accounts, then changes of validators.

    ``honest``: every node keeps the rules, so that any of them may lose its vote.
    """
    organisations = [o.id for o in founded.genesis.organisations]
    requests: list[Request] = []
    for account in ACCOUNTS[:3]:
        args = {"account": account, "checking": 1_000, "savings": 500}
        request = Request(len(requests), 0, "alice@acme", "smallbank.create_account", args, 0)
        requests.append(_with_nonce(request, len(requests)))
    for number in range(len(requests), len(requests) + count):
        organisation = chance.choose(organisations)
        signer = f"{chance.choose(('alice', 'bob'))}@{organisation}"
        name, args, votes_on = _draw_call(chance, number, signer, organisations)
        reused = chance.happens(0.04)
        requests.append(
            Request(
                number=number,
                at_ms=chance.below(work_ms),
                signer=signer,
                name=name,
                args=args,
                nonce=number - 1 if reused else number,
                key=chance.choose(("k1", "k1", "k1", "k1", "k1", "k1", "k2", "nk")),
                lives_ms=chance.choose((600_000, 600_000, 600_000, 600_000, 3_000, 500, -1)),
                cost_max=chance.choose((COST_MAX, COST_MAX, COST_MAX, COST_MAX, COST_MAX, 200)),
                twice=chance.happens(0.15),
                votes_on=votes_on,
            )
        )
    for change in range(chance.below(3)):
        requests += _change_validators(chance, founded, len(requests), honest=honest, change=change)
    return tuple(requests)


def _change_validators(
    chance: Chance, founded: Founded, number: int, *, honest: bool, change: int
) -> list[Request]:
    """Return a proposal about a validator, and the ballots of three admins on it."""
    node = chance.choose([*founded.nodes])
    organisation = node.partition("@")[2]
    voting = founded.nodes[node] in founded.powers
    kind = chance.choose(("power", "remove") if honest else ("power",)) if voting else "add"
    terms: dict[str, Any] = {"node": "node1", "organisation": organisation}
    if kind != "remove":
        terms["power"] = chance.between(1 if honest and voting else POWER, POWER + 5)
    if kind == "add":
        terms["public_key"] = to_text(founded.nodes[node])
    asked = {"reason": "it is time", "resource": f"validator.{kind}", "validator": terms}
    at_ms = chance.between(200, 2_000) + 1_500 * change
    organisations = [o.id for o in founded.genesis.organisations]
    admins = [f"probe@{organisation}" for organisation in organisations[:3]]
    propose = Request(number, at_ms, admins[0], "network.propose", {"change": asked}, number)
    ballots = [
        Request(
            number=number + 1 + place,
            at_ms=at_ms + chance.between(300, 1_500),
            signer=admin,
            name="network.approve",
            args={"number": change + 1, "reason": ""},
            nonce=number + 1 + place,
            votes_on=change + 1,
        )
        for place, admin in enumerate(admins)
    ]
    return [propose, *ballots]


def probe(number: int, at_ms: int) -> Request:
    """Return a request that gets a record at any time, be it a refusal."""
    args = {"account": "nobody", "amount_minor": 1}
    return Request(number, at_ms, PROBE, "smallbank.deposit_checking", args, number)


def _with_nonce(request: Request, nonce: int) -> Request:
    return Request(request.number, request.at_ms, request.signer, request.name, request.args, nonce)


def _draw_call(
    chance: Chance, number: int, signer: str, organisations: list[str]
) -> tuple[str, dict[str, Any], int]:
    """Return contract.action, arguments, and the proposal voted on, 0 for none."""
    if chance.happens(0.6):
        return (*_bank(chance), 0)
    if chance.happens(0.4):
        return (*_vouchers(chance, number, organisations), 0)
    if chance.happens(0.5):
        return (*_registry(chance, number, signer), 0)
    proposal = chance.between(1, 3)
    if chance.happens(0.5):
        kind = chance.choose(("freeze", "freeze", "unfreeze"))
        about = chance.choose(("smallbank", "vouchers", "vouchers"))
        terms = {
            "contract": about, "kind": kind, "mode": "open", "not_before": 0, "open_blocks": 20,
            "package": None, "reason": "why not",
        }  # fmt: skip
        return "governance.propose", {"terms": terms}, 0
    return "governance.approve", {"number": proposal, "reason": ""}, proposal


def _bank(chance: Chance) -> Call:
    one, other = chance.choose(ACCOUNTS), chance.choose(ACCOUNTS)
    amount = chance.between(-1, 400)
    pair = {"source": one, "target": other}
    calls: list[Call] = [
        ("smallbank.send_payment", {**pair, "amount_minor": amount}),
        ("smallbank.send_payment", {**pair, "amount_minor": amount}),
        ("smallbank.deposit_checking", {"account": one, "amount_minor": amount}),
        ("smallbank.transact_savings", {"account": one, "amount_minor": amount - 150}),
        ("smallbank.amalgamate", pair),
        ("smallbank.write_check", {"account": one, "amount_minor": amount}),
        ("smallbank.create_account", {"account": one, "checking": 5, "savings": 0}),
    ]
    return chance.choose(calls)


def _vouchers(chance: Chance, number: int, organisations: list[str]) -> Call:
    kind, lot = chance.choose(("bread", "milk")), f"lot{chance.below(4)}"
    to = chance.choose(organisations)
    what = {"amount": chance.between(1, 50), "kind": kind, "lot": lot, "unit": "piece"}
    fresh = {
        "cap": 500, "decimals": 0, "eligible": [], "id": kind, "issued": 0, "issuer": to,
        "least": 1, "retired": 0, "unit": "piece",
    }  # fmt: skip
    calls: list[Call] = [
        ("vouchers.define", {"kind": fresh}),
        ("vouchers.define", {"kind": fresh}),
        ("vouchers.issue", {"new": what, "to": to}),
        ("vouchers.issue", {"new": what, "to": to}),
        ("vouchers.transfer", {"what": what, "to": to}),
        ("vouchers.split", {"into": f"new{number}", "what": what}),
        ("vouchers.retire", {"reason": "eaten", "what": what}),
    ]
    return chance.choose(calls)


def _registry(chance: Chance, number: int, signer: str) -> Call:
    organisation = signer.split("@")[1]
    member = f"{chance.choose(('bob', 'new'))}@{organisation}"
    key = to_text(public_key(f"spare {number % 4}"))
    role = chance.choose(("issuer", "clerk"))
    rotate = {"old_key_id": "k1", "key_id": "k2", "public_key": key, "suite": SUITE}
    calls: list[Call] = [
        ("registry.rotate_key", {**rotate, "overlap_blocks": chance.below(3)}),
        ("registry.rotate_key", {**rotate, "key_id": "nk", "overlap_blocks": 0}),
        ("registry.revoke_key", {"member": member, "key_id": "k1"}),
        ("registry.grant_role", {"member": member, "role": role}),
        ("registry.revoke_role", {"member": member, "role": role}),
        ("registry.retire_member", {"member": member}),
        (
            "registry.add_member",
            {
                "key_id": "k1", "member": f"new@{organisation}", "public_key": key,
                "roles": ["admin"], "suite": SUITE,
            },
        ),
    ]  # fmt: skip
    return chance.choose(calls)
