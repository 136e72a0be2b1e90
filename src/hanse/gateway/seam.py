# SPDX-License-Identifier: Apache-2.0
"""What the gateway needs of a node: one protocol, kept by ``hanse.node.service``.

The gateway turns HTTP into calls of these methods and their answers into HTTP; every rule is behind
them.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypeAlias

import msgspec

Json: TypeAlias = dict[str, object]

_encoder = msgspec.json.Encoder(order="sorted")


def to_json(value: object) -> bytes:
    """Return ``value`` as JSON with sorted keys and no white space: canonical for canonical values.

    Schemas have keys such as ``$ref``, which canonical JSON refuses; hence not ``codec.encode``.
    """
    return _encoder.encode(value)


class Answer(Protocol):
    """What came of one submitted transaction: a receipt, or a problem document."""

    @property
    def ok(self) -> bool:
        """True when ``body`` is a receipt, refusals by a contract included."""

    @property
    def body(self) -> bytes:
        """The receipt's or the problem's canonical bytes, without a line end."""

    @property
    def status(self) -> int:
        """The HTTP status of a single submission."""


class RecordView(Protocol):
    """One record of the log, as it is shown."""

    @property
    def height(self) -> int:
        """The height of its block."""

    @property
    def index(self) -> int:
        """Its place in the log."""

    @property
    def transaction(self) -> bytes:
        """The exact bytes of the signed transaction."""

    @property
    def receipt(self) -> bytes:
        """The exact bytes of the receipt."""

    @property
    def sentence(self) -> str:
        """What happened, in words."""


class Documents(Protocol):
    """The store of imported documents, by digest."""

    def put(self, data: bytes) -> str:
        """Return the digest of ``data``, which is durable by then."""

    def find(self, digest: str) -> bytes | None:
        """Return the exact bytes, or ``None`` when they are not kept here."""


class NodeService(Protocol):
    """The calls that the gateway makes; errors are ``hanse.errors`` classes."""

    @property
    def ledger(self) -> str:
        """The ledger id."""

    @property
    def genesis_bytes(self) -> bytes:
        """The exact bytes of the genesis document."""

    @property
    def documents(self) -> Documents:
        """The store of imported documents."""

    async def submit(self, raws: Sequence[bytes]) -> Sequence[Answer]:
        """Return one answer for each transaction, in order, once all of them are durable."""

    def status(self) -> Json:
        """Return the facts of ``GET /v1/ledger``."""

    def record(self, tx: str) -> RecordView | None:
        """Return the record with this transaction id, if the node has it."""

    def why(self, tx: str) -> Json:
        """Return the explanation of a refusal."""

    async def evidence_record(self, tx: str) -> bytes:
        """Return the evidence document of a record."""

    async def range(
        self, contract: str, name: str, bounds: tuple[str, str], limit: int, *, reverse: bool
    ) -> Json:
        """Return rows of an ordered map with the proof that there are no others."""
        ...

    async def evidence_range(
        self, contract: str, name: str, bounds: tuple[str, str], limit: int, *, reverse: bool
    ) -> bytes:
        """Return the evidence document of rows of an ordered map."""
        ...

    async def evidence_state(self, contract: str, name: str, key_json: str, /) -> bytes:
        """Return the evidence document of a state value."""

    async def state(self, contract: str, name: str, key_json: str, /) -> Json:
        """Return a state value with its proof."""

    async def history(
        self, contract: str, name: str, key_json: str, before: tuple[int, int] | None, limit: int
    ) -> Json:
        """Return what a state entry was, the newest version first; not proved."""
        ...

    def blocks(self, before: int | None, limit: int) -> list[Json]:
        """Return summaries of the newest blocks below ``before``."""

    async def block(self, height: int) -> Json | None:
        """Return a block with its records."""

    async def leaves(self, height: int) -> Json | None:
        """Return the leaf hashes of a block with the frontier before it."""

    async def header(self, height: int) -> Json | None:
        """Return a header with its certificate."""

    async def validators(self, since: int) -> list[Json]:
        """Return changes of the engine's validators, agreed at ``since`` or above."""
        ...

    def checkpoint(self, cosigned: bool, /) -> str:
        """Return the newest signed note; with quorum when ``cosigned``."""

    def consistency(self, old: int, new: int) -> list[str]:
        """Return the consistency path between two sizes of the log."""

    def add_cosignature(self, note: str) -> None:
        """Keep the witness lines of ``note``."""

    async def query(self, contract: str, name: str, args: Json, signer: str | None) -> Json:
        """Return the answer of a query at the committed height."""

    async def check(self, contract: str, action: str, args: Json, signers: tuple[str, ...]) -> Json:
        """Return what the action would do now, signed by all of these; nothing is recorded."""

    def contracts(self) -> list[Json]:
        """Return one line for each contract."""

    def describe(self, contract: str) -> Json:
        """Return the description of a contract, schemas and source included."""

    async def rehearse(self, number: int) -> Json:
        """Return what a proposal about a contract would do to the state of now."""

    def organisations(self) -> list[Json]:
        """Return organisations, members, keys."""

    def feed(self, from_height: int | None) -> AsyncIterator[Json]:
        """Yield blocks as they become durable, beginning at ``from_height`` when given."""

    def formats(self) -> list[Json]:
        """Return the document formats that can be checked."""

    def check_format(self, name: str, data: bytes, media_type: str | None, /) -> Json:
        """Return the findings on a document, with drafts of the actions that it asks for."""

    def metrics(self) -> str:
        """Return the node's figures in the Prometheus text format."""

    def ready(self) -> tuple[bool, Json]:
        """Return whether the node can take transactions, with the reasons."""
