# SPDX-License-Identifier: Apache-2.0
"""A ledger in memory whose organisations decide about the network; four validators if asked."""

from typing import Any

import msgspec
from tests.unit.kernel.small_ledger import SUITE, SmallLedger, build_genesis, public_key, receipts

from hanse.codec.base64url import to_text
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.identity import GenesisEngineValidator, GenesisPolicy
from hanse.identity import genesis as g
from hanse.kernel import BlockResult
from hanse.kernel.changes import ProposedChange
from hanse.kernel.directory import Directory, Seat
from hanse.kernel.entries import CHANGES

ALICE, BOB, CAROL, DORA = "alice@acme", "bob@bolt", "carol@cargo", "dora@delta"
PARTIES = ("acme", "bolt", "cargo", "delta")


def voting_key(name: str) -> bytes:
    """Return the voting key that stands for ``name``."""
    return public_key(f"votes {name}")


KEY = to_text(public_key("fresh"))
JOINS = {
    "organisation": "elm",
    "name": "Elm",
    "member": "eve@elm",
    "key_id": "k1",
    "public_key": KEY,
    "suite": SUITE,
}
NODE = {"node": "nelm", "node_key": KEY, "node_suite": SUITE}
VOTES = {"power": 1, "voting_key": to_text(voting_key("elm"))}


class NetworkLedger(SmallLedger):
    """Four organisations with a node each; with ``powers``, as many of them vote in the engine."""

    def __init__(self, *powers: int, policies: list[GenesisPolicy] | None = None) -> None:
        nowhere = to_text(bytes(32))
        keys = [g.GenesisKey("k1", to_text(public_key("k1")), "signing", SUITE)]
        members = (ALICE, BOB, CAROL, DORA)
        voting: Any = [
            GenesisEngineValidator(f"n{party}", party, power, to_text(voting_key(party)))
            for party, power in zip(PARTIES, powers, strict=False)
        ]
        super().__init__(
            build_genesis(
                contracts=[
                    g.GenesisContract(nowhere, name, "1")
                    for name in ("governance", "network", "notes", "registry")
                ],
                engine_validators=voting if powers else msgspec.UNSET,
                members=[g.GenesisMember(m, keys, ["admin", "writer"]) for m in members],
                organisations=[g.GenesisOrganisation(p, p.title()) for p in PARTIES],
                policies=policies or [],
                validators=[
                    g.GenesisValidator(f"n{p}", p, to_text(public_key(f"node {p}")), SUITE)
                    for p in PARTIES
                ],
            )
        )
        self.running: set[str] = {f"n{p}@{p}" for p in PARTIES[: len(powers)]}

    def block(self, txs: Any, *, after_ms: int = 1_000) -> BlockResult:
        """Apply one block after a commit that those who run have signed."""
        order = OrderedBlock(
            self.state.height + 1,
            self.state.time_ms + after_ms,
            (OrderedSubmission(b"", tuple(txs)),),
            tuple(sorted(self.running)),
        )
        self.result = self.kernel.apply_block(self.state, order)
        self.state.apply(self.result)
        return self.result

    def propose(self, resource: str, who: str = ALICE, **parts: Any) -> int:
        """Propose a change; returns the number."""
        assert self.ask(resource, who, **parts) == "ok", self.reason
        return int(msgspec.json.decode(self.result.records[0][1])["result"])

    def ask(self, resource: str, who: str = ALICE, **parts: Any) -> str:
        """Return what became of a proposal."""
        change = {"reason": "it is time", "resource": resource, **parts}
        return self.do(who, "network.propose", change=change)

    @property
    def reason(self) -> str:
        """Why the last record was refused."""
        return f"{receipts(self.result)[0].code} {receipts(self.result)[0].reason}"

    def held(self, number: int) -> ProposedChange:
        """Return a proposal as it stands."""
        found = CHANGES.get(self.state, number)
        assert found is not None
        return found

    def vote(self, who: str, number: int, choice: str = "approve") -> str:
        """Return what became of a ballot on what the proposal binds."""
        args = {"number": number, "binds": self.held(number).binds, "reason": "seen"}
        return self.do(who, f"network.{choice}", **args)

    def decide(self, number: int, *voters: str) -> ProposedChange:
        """Let them approve, all by default until it is decided, and one more block begin."""
        for who in voters or (ALICE, BOB, CAROL, DORA):
            if self.held(number).status == "proposed":
                assert self.vote(who, number) == "ok", self.reason
        self.pass_blocks(1)
        return self.held(number)

    def change(self, resource: str, *voters: str, **parts: Any) -> ProposedChange:
        """Propose and decide."""
        return self.decide(self.propose(resource, **parts), *voters)

    def seats(self, ahead: int = 1) -> list[Seat]:
        """Return the engine validators of the next block's header."""
        return list(Directory().engine_validators(self.state, self.state.height + ahead))


def validator(party: str, **parts: Any) -> dict[str, Any]:
    """Return the argument of a change of a validator."""
    named = {"node": f"n{party}", "organisation": party}
    key = parts.pop("key", None)
    return named | parts | ({} if key is None else {"public_key": to_text(voting_key(key))})
