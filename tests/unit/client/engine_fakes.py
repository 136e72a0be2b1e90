# SPDX-License-Identifier: Apache-2.0
"""A ledger whose headers the validators of an engine make final, in memory."""

import json

from tests.unit.client.client_fakes import FakeLedger, build_genesis
from tests.verifier import engine

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_VALIDATORS
from hanse.crypto import SHA256


def voting_genesis(seed: str) -> bytes:
    document = json.loads(build_genesis())
    return encode(document | {"engine_validators": engine.validators(seed)})


class VotingLedger(FakeLedger):
    """Block n is ordered at engine height n; ``changes`` are those of the validators."""

    def __init__(self, changes: dict[int, engine.Powers] | None = None, seed: str = "a") -> None:
        genesis = voting_genesis(seed)
        ledger = to_text(SHA256.tagged("hanse/genesis/1", genesis))
        self.engine = engine.Engine(seed, ledger, changes or {})
        super().__init__(genesis)

    def validators_at(self, height: int) -> str:
        listed = self.engine.validators(height + 1)
        return to_text(SHA256.tagged(TAG_VALIDATORS, encode(listed)))

    def certified(self, height: int) -> dict:
        certificate = self.engine.certificate(height + 1, self.block_id(height))
        return super().certified(height) | {"certificate": certificate}

    def steps(self, since: int) -> dict:
        """Return what is announced by now, two steps at a time, as a node with many would."""
        found = self.engine.steps(since, len(self.blocks) + 1)
        return {"steps": found[:2]}
