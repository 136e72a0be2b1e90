# SPDX-License-Identifier: Apache-2.0
"""This node as the engine of several validators sees it: verify, execute, keep (``Host``)."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hanse.codec.base64url import to_bytes
from hanse.codec.canonical import decode_as
from hanse.codec.documents import header_decoder
from hanse.codec.ordered import OrderedBlock
from hanse.codec.submission import Submission, decode_submission
from hanse.engines.cometbft.engine import Decided
from hanse.engines.cometbft.home import EngineGenesis, EngineValidator, address_of
from hanse.node.admission import signature_checks
from hanse.node.crash_points import reach
from hanse.node.errors import SubmissionRefused
from hanse.node.folder import Folder
from hanse.node.ledger import Ledger, Published
from hanse.node.verifier import Check, Verifier

IDLE_BLOCKS: Final = 200  # empty engine blocks after which their height is written down


class Consensus:
    """What CometBFT's application asks of the node."""

    def __init__(
        self,
        node: Ledger,
        verifier: Verifier,
        published: Published,
        expired: Callable[[Submission], None],
    ) -> None:
        """Execute by ``node``; tell ``published`` of blocks that are durable."""
        self._node = node
        self._verifier = verifier
        self._published = published
        self.expired = expired
        folder = node.folder
        self._idle_path = folder.path / "engine-height"
        self._idle_height = _read_number(self._idle_path)
        self._decided = False

    @property
    def ledger(self) -> str:
        """The ledger id."""
        return self._node.folder.ledger

    @property
    def node(self) -> str:
        """``node@organisation``."""
        return f"{self._node.folder.node}@{self._node.folder.organisation}"

    def sign(self, message: bytes) -> bytes:
        """Return the node's signature."""
        signature = self._node.signer.sign(message)
        reach("submission.made")
        return signature

    async def verified(self, raw: bytes) -> Submission:
        """Return the submission that ``raw`` is, every signature in it verified.

        Raises:
            Rejected: one of them does not hold, the form is wrong, or the node is not known.
        """
        kernel, store = self._node.kernel, self._node.store
        submission = decode_submission(raw, self._node.hash.tagged)
        if submission.ledger != self.ledger:
            raise SubmissionRefused(submission.node, "it is for another ledger")
        known = self._node_key(submission.node)
        if known is None:
            raise SubmissionRefused(submission.node, "no such node")
        checks = [Check(*known, submission.message, submission.signature)]
        for tx in submission.transactions:
            if tx.body.ledger != self.ledger:
                raise SubmissionRefused(submission.node, "a transaction is for another ledger")
            if store.find_nonce(tx.nonce_digest) != tx.id:  # else it is recorded, so was verified
                checks.extend(signature_checks(kernel, store, tx))
        if 0 in await self._verifier.verify(checks):
            raise SubmissionRefused(submission.node, "a signature does not hold")
        reach("submission.taken")
        return submission

    def _node_key(self, node: str) -> tuple[str, bytes] | None:
        """Return suite and public key of a node, ``node@organisation``, that may submit now."""
        store = self._node.store
        name, _, organisation = node.partition("@")
        directory = self._node.kernel.directory.look_at(store)
        known = directory.may_submit(store, organisation, name, store.height + 1)
        return None if known is None else (known.suite, bytes(known.public_key))

    def may_submit(self, node: str) -> bool:
        """Say whether submissions of a node count in the next block, by the newest state."""
        return self._node_key(node) is not None

    def durable(self) -> tuple[int, bytes]:
        """Return the engine height up to which all is durable, and the app hash there."""
        store = self._node.store
        header = decode_as(store.header, header_decoder)
        return max(header.engine_height, self._idle_height), store.block_id

    def voter(self, address: bytes) -> str | None:
        """Return the node whose voting key has this address."""
        store = self._node.store
        for seat in self._node.kernel.directory.look_at(store).engine_validators(
            store, store.height
        ):
            if address_of(bytes(seat.entry.public_key)) == address:
                return f"{seat.node}@{seat.organisation}"
        return None

    async def decide(self, block: OrderedBlock) -> Decided:
        """Execute ``block``; nothing is durable yet."""
        result = await self._node.decide(block)
        self._decided = True
        return Decided(result.block_id, result.validator_updates)

    async def commit(self, engine_height: int) -> None:
        """Make durable what was decided last, or note that the engine's block was empty."""
        if self._decided:
            await self._node.commit(self._published)
            self._decided = False
        elif engine_height >= self.durable()[0] + IDLE_BLOCKS:
            reach("idle.begin")
            self._idle_height = engine_height
            beside = self._idle_path.with_suffix(".new")
            with suppress(OSError):  # without it the engine plays more empty blocks again
                beside.write_text(str(engine_height))
                beside.replace(self._idle_path)
            reach("idle.noted")


def engine_genesis(folder: Folder) -> EngineGenesis:
    """Return what the engines of a ledger begin with."""
    voters = tuple(
        EngineValidator(to_bytes(v.public_key), v.power, f"{v.node}@{v.organisation}")
        for v in folder.genesis.voters
    )
    return EngineGenesis(folder.ledger, folder.genesis.time_ms, voters)


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
