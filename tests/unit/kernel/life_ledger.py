# SPDX-License-Identifier: Apache-2.0
"""A ledger in memory whose contracts come and go: packages from texts, proposals, ballots."""

from functools import partial
from typing import Any

import msgspec
from tests.unit.kernel.small_ledger import SmallLedger, build_genesis, receipts

from hanse.codec.base64url import to_text
from hanse.contracts.digests import digest_of
from hanse.contracts.package import texts_hash
from hanse.contracts.sources import hash_lowered, load_files, split_text
from hanse.crypto import SHA256
from hanse.identity import GenesisPolicy
from hanse.identity import genesis as g
from hanse.kernel.entries import CONTRACTS, MIGRATION, PROPOSALS
from hanse.kernel.lifecycle import Trial, rehearse_upgrade
from hanse.kernel.proposals import Deployed, Migration, Proposal
from hanse.kernel.upgrade import Refusal

HEAD = '''"""Lots of goods."""

from hanse.contracts import Change, Context, Contract, Map, Value, action, event, invariant
from hanse.contracts import migrate, query, record, replace, require


'''
ONE = (
    HEAD
    + '''@record
class Lot:
    """A lot."""

    kilos: int


@event
class Made:
    """{lot} was made."""

    lot: str


class Lots(Contract):
    """Lots of goods."""

    name = "lots"
    version = "1"

    lots: Map[str, Lot]
    last: Value[str]

    @action(role=None)
    def make(self, ctx: Context, lot: str, kilos: int) -> None:
        """Make a lot."""
        self.lots[lot] = Lot(kilos=kilos)
        self.last.set(lot)
        ctx.emit(Made(lot=lot))

    @query
    def read(self, ctx: Context, lot: str) -> Lot | None:
        """Return a lot."""
        return self.lots.get(lot)
'''
)
TWO = (
    HEAD
    + '''@record
class LotOne:
    """A lot as version 1 had it."""

    kilos: int


@record
class Lot:
    """A lot."""

    grams: int
    place: str = "yard"


class Lots(Contract):
    """Lots of goods."""

    name = "lots"
    version = "2"

    lots: Map[str, Lot]
    last: Value[str]

    @migrate(from_="1", of="lots")
    def lot_from_1(self, key: str, old: LotOne) -> Lot:
        """Kilos are grams now."""
        return Lot(grams=old.kilos * 1000)

    @action(role=None)
    def weigh(self, ctx: Context, lot: str, grams: int) -> None:
        """Weigh a lot again."""
        self.lots[lot] = replace(self.lots[lot], grams=grams)

    @query
    def read(self, ctx: Context, lot: str) -> Lot | None:
        """Return a lot."""
        return self.lots.get(lot)

    @invariant
    def not_negative(self, ctx: Context, change: Change) -> bool:
        """No lot weighs less than nothing."""
        return all(one.after is None or one.after.grams >= 0 for one in change.of(self.lots))
'''
)
KILOS = "    kilos: int\n\n\nclass Lots"
THREE = (
    TWO.replace('version = "2"', 'version = "3"')
    .replace("class LotOne:", "class LotTwo:")
    .replace("as version 1 had it", "as version 2 had it")
    .replace("\n    kilos: int\n", '\n    grams: int\n    place: str = "yard"\n')
    .replace('    grams: int\n    place: str = "yard"\n\n\nclass Lots', KILOS)
    .replace('from_="1"', 'from_="2"')
    .replace("lot_from_1(self, key: str, old: LotOne)", "lot_from_2(self, key: str, old: LotTwo)")
    .replace("Lot(grams=old.kilos * 1000)", "Lot(kilos=old.grams // 1000)")
    .replace("Kilos are grams now", "Grams are kilos again")
    .replace("grams: int) -> None", "kilos: int) -> None")
    .replace("replace(self.lots[lot], grams=grams)", "replace(self.lots[lot], kilos=kilos)")
    .replace("one.after.grams >= 0", "one.after.kilos >= 0")
)
"""Version 3 goes back to what version 1 stored."""

ALICE, BOB, CAROL = "alice@acme", "bob@bolt", "carol@cargo"


class LifeLedger(SmallLedger):
    """Three organisations, of which two decide."""

    def __init__(self, *, rule: str = "MAJORITY", resource: str = "contract.approve") -> None:
        names = ("governance", "notes", "registry")
        nowhere = to_text(bytes(32))
        policy = GenesisPolicy([], resource, ["admin"], rule)
        super().__init__(
            build_genesis(
                contracts=[g.GenesisContract(nowhere, name, "1") for name in names],
                policies=[policy],
            )
        )

    def package(self, text: str, version: str, *, file: str = "lots") -> dict[str, Any]:
        """Return a package whose texts are on the ledger already."""
        tagged = self.kernel.hash.tagged
        parts = split_text(text)
        assert self.do(ALICE, "governance.publish", texts=parts) == "ok"
        digests = [digest_of(tagged, "hanse/text", part) for part in parts]
        try:
            lowered = hash_lowered(load_files({file: text}, SHA256), tagged)
        except Exception:  # the ledger is to find out
            lowered = to_text(bytes(32))
        return {
            "files": [{"name": file, "parts": digests}],
            "hash": texts_hash({file: text}, "lots", version, tagged),
            "lowered": lowered,
            "version": version,
        }

    def propose(self, kind: str, **terms: Any) -> int:
        """Propose as alice; returns the number."""
        asked = {"contract": "lots", "kind": kind, "reason": "it is time", **terms}
        assert self.do(ALICE, "governance.propose", terms=asked) == "ok", self.reason
        return int(msgspec.json.decode(self.result.records[0][1])["result"])

    @property
    def reason(self) -> str:
        """Why the last record was refused."""
        return f"{receipts(self.result)[0].code} {receipts(self.result)[0].reason}"

    def proposal(self, number: int) -> Proposal:
        """Return a proposal as it stands."""
        found = PROPOSALS.get(self.state, number)
        assert found is not None
        return found

    def deployed(self, name: str = "lots") -> Deployed | None:
        """Return the contract as it stands."""
        return CONTRACTS.get(self.state, name)

    def vote(self, who: str, number: int, choice: str = "approve") -> str:
        """Return what became of a ballot on what the proposal binds now."""
        args = {"number": number, "binds": self.proposal(number).binds, "reason": "seen"}
        return self.do(who, f"governance.{choice}", **args)

    def decide(self, number: int) -> Proposal:
        """Let two approve, and one more block begin."""
        assert self.vote(ALICE, number) == "ok", self.reason
        assert self.vote(BOB, number) == "ok", self.reason
        self.pass_blocks(1)
        return self.proposal(number)

    def migration(self) -> Migration | None:
        """Return the migration that is under way."""
        return MIGRATION.get(self.state, ())

    def try_it(self, number: int) -> Trial:
        """Try a proposal on a fork of the state."""
        fork = self.state.copy()
        trial = self.kernel.try_proposal(fork, number, fork.time_ms)
        if trial.code is not None or self.proposal(number).terms.kind != "upgrade":
            return trial
        ask = partial(self.kernel.try_chunk, fork, number, fork.time_ms)
        return rehearse_upgrade(trial, "lots", fork.tries, self.kernel.hash, ask)

    def rehearse(self, number: int, **changes: Any) -> Trial:
        """Try an upgrade on the state, and put what came of it into the proposal."""
        tried = self.try_it(number)
        if tried.code is not None:
            raise Refusal(tried.code, tried.reason)
        args = {
            "cost": tried.cost,
            "digest": tried.digest,
            "entries": tried.entries,
            "height": self.state.height,
            "root_after": tried.root_after,
            "root_before": tried.root_before,
            **changes,
        }
        done = self.do(ALICE, "governance.record_rehearsal", number=number, rehearsal=args)
        assert done == "ok", self.reason
        return tried

    def install(self) -> None:
        """Install version 1."""
        number = self.propose("install", package=self.package(ONE, "1"))
        assert self.decide(number).status == "done", self.proposal(number)

    def upgrade(self, text: str, version: str, mode: str = "open") -> Proposal:
        """Propose, rehearse and decide an upgrade."""
        number = self.propose("upgrade", package=self.package(text, version), mode=mode)
        self.rehearse(number)
        return self.decide(number)
