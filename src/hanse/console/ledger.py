# SPDX-License-Identifier: Apache-2.0
"""The ledger as the console sees it: one verifying client, a session for each member it signs for.

The console never reaches a node but through the client, so it can stand beside a node or far away.
What comes from here is either proved (records, headers, evidence, receipts) or named as the node's
word.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from hanse.client import AsyncClient, reading, submission
from hanse.client.note import encode_note
from hanse.client.reading import QueryAnswer, VerifiedRecord
from hanse.client.receipts import Outcome, VerifiedReceipt
from hanse.client.session import CheckpointReport, Session
from hanse.client.sync import open_session
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.crypto.signers import Signer, generate
from hanse.errors import Misconfigured, Refusal


@dataclass(frozen=True, slots=True)
class Step:
    """One named step of a verification, and how it ended; ``None``: not reached."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the client found when it verified evidence, ready for a page."""

    verdict: str
    steps: tuple[Step, ...]
    ledger: str = ""
    kind: str = ""
    height: int | None = None
    as_of_height: int | None = None
    as_of_time_ms: int | None = None
    claim: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.passed is False), None)


Signers = Mapping[str, Signer]
Call = tuple[str, str, Mapping[str, object]]


@dataclass(eq=False)
class KeyMissing(Misconfigured):
    """The console holds no key that the registry knows for this member."""

    member: str
    code: ClassVar[str] = "key_missing"
    hint: ClassVar[str] = "Start the console with the member's key file, or sign with the client."


@dataclass(frozen=True, slots=True)
class Directory:
    """Names of organisations and members, from the ledger's own registry."""

    organisations: tuple[Mapping[str, Any], ...] = ()

    def name_of(self, organisation: str) -> str | None:
        """Return the registered name of an organisation."""
        for entry in self.organisations:
            if entry.get("id") == organisation:
                return str(entry.get("name") or organisation)
        return None

    def member_ids(self) -> list[str]:
        """Return every member id of the ledger."""
        members = (member for entry in self.organisations for member in entry.get("members", ()))
        return [str(member.get("id", "")) for member in members]

    def has_member(self, member: str) -> bool:
        """Whether the registry knows this member."""
        return member in self.member_ids()

    def key_id(self, member: str, public_key: bytes) -> str | None:
        """Return the name under which the registry holds a member's key that is in force."""
        text = to_text(public_key)
        for organisation in self.organisations:
            for entry in organisation.get("members", ()):
                if entry.get("id") != member:
                    continue
                for key in entry.get("keys", ()):
                    if key.get("public_key") == text and key.get("to_height") is None:
                        return str(key["id"])
        return None


@dataclass(frozen=True, slots=True)
class Record:
    """A record that the client proved, as JSON values for a page."""

    transaction: Mapping[str, Any]
    receipt: Mapping[str, Any]
    sentence: str

    @property
    def body(self) -> Mapping[str, Any]:
        """The signed part of the transaction."""
        body: Mapping[str, Any] = self.transaction["body"]
        return body

    @property
    def tx(self) -> str:
        """The transaction's id."""
        return str(self.receipt["tx"])

    @property
    def is_refused(self) -> bool:
        """Whether the contract said no."""
        return bool(self.receipt["status"] == "rejected")


def build_record(found: VerifiedRecord) -> Record:
    """Return a proved record as JSON values."""
    transaction = msgspec.json.decode(found.transaction)
    return Record(transaction, msgspec.json.decode(found.receipt.raw), found.sentence or "")


@dataclass(frozen=True, slots=True)
class HeaderView:
    """A header that the client verified, and who signed for it.

    That is the operator with witnesses, or validators with this ``power``, as ``55 of 75``.
    """

    fields: Mapping[str, Any]
    block_id: str
    signers: tuple[str, ...]
    certificate: str
    power: str | None = None


class Ledger:
    """One ledger, for reading by anyone and for signing by the members whose keys are at hand."""

    def __init__(self, client: AsyncClient, signers: Signers) -> None:
        self.client = client
        self.signers = dict(signers)
        self._sessions: dict[str, Session] = {}

    @property
    def url(self) -> str:
        """The address of the node."""
        return self.client.session.url

    async def trust(self) -> str:
        """Return the ledger id that answers are verified against."""
        return (await self.client.genesis()).ledger

    async def get(self, path: str) -> Any:
        """Return the JSON at any path of the API; the node's word."""
        return await self.client.get(path)

    async def checkpoint(self) -> CheckpointReport:
        """Return the newest checkpoints, proved to extend what was seen before."""
        return await self.client.checkpoint_update()

    async def header(self, height: int) -> HeaderView:
        """Return a header that is final, part of the one history."""
        found = await self.client.header(height)
        fields = msgspec.to_builtins(found.header)
        made = encode_note(found.note) if found.note is not None else encode(found.commit).decode()
        return HeaderView(fields, to_text(found.block_id), found.signers, made, found.power)

    async def block(self, height: int) -> list[Record]:
        """Return all records of a block, proved to be all of them."""
        return [build_record(found) for found in await self.client.block(height)]

    async def record(self, tx: str) -> Record:
        """Return a transaction and its receipt, proved to be in the log."""
        return build_record(await self.client.transaction(tx))

    async def evidence(self, tx: str) -> bytes:
        """Return the evidence file of a record, verified before it is returned."""
        return await self.client.evidence(tx)

    async def query(
        self, contract: str, name: str, args: Mapping[str, object], signer: str | None
    ) -> QueryAnswer:
        """Return a query's result; the node's word, at the height that it names."""
        return await self.client.query(contract, name, dict(args), signer=signer)

    async def check_format(self, name: str, data: bytes, media_type: str) -> Mapping[str, Any]:
        """Return the node's report on a document; its word, on exactly these bytes."""
        session = self.client.session
        return await self.client.run(reading.check_format(session, name, data, media_type))

    async def put_document(self, data: bytes) -> str:
        """Return the digest under which the node keeps ``data``."""
        return await self.client.put_document(data)

    async def check(self, directory: Directory, member: str, call: Call) -> Mapping[str, Any]:
        """Return what an action would do now; nothing is recorded."""
        if member in self.signers:
            session = await self._session(directory, member)
        else:  # a dry run is not signed, so any key will do
            session = await self._open(member, generate("ed25519-sha256"), "none")
        return await self.client.run(submission.dry_run(session, call))

    async def send(self, directory: Directory, member: str, call: Call) -> VerifiedReceipt:
        """Return the proved receipt of a call that ``member`` signs.

        Raises:
            KeyMissing: the console holds no registered key of this member.
            Refusal: the ledger did not admit the transaction.
        """
        session = await self._session(directory, member)
        made = await self.client.run(submission.draft(session, call, None))
        return await self.client.run(submission.submit(session, made))

    async def send_many(
        self, directory: Directory, member: str, calls: Sequence[Call]
    ) -> list[Outcome]:
        """Return one outcome for each call, in order: a proved receipt, or why not admitted."""
        session = await self._session(directory, member)
        drafts = [await self.client.run(submission.draft(session, call, None)) for call in calls]
        return await self.client.run(submission.submit_drafts(session, drafts))

    async def _session(self, directory: Directory, member: str) -> Session:
        if member in self._sessions:
            return self._sessions[member]
        signer = self.signers.get(member)
        key_id = directory.key_id(member, signer.public_key) if signer else None
        if signer is None or key_id is None:
            raise KeyMissing(member=member)
        self._sessions[member] = await self._open(member, signer, key_id)
        return self._sessions[member]

    async def _open(self, member: str, signer: Signer, key_id: str) -> Session:
        reader = self.client.session
        return open_session(
            reader.url,
            trust=await self.trust(),
            member=member,
            signer=signer,
            key_id=key_id,
            state_dir=None,
            now_ms=reader.now_ms,
        )

    async def feed(self, start: int | None) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """Yield ``block`` and ``gap`` with their facts, each block proved to be in the log."""
        async for event in self.client.feed(start):
            yield event.kind, event.data


def refusal_code(error: Exception) -> str:
    """Return the code that a page shows for an error: the node's own where it refused."""
    if isinstance(error, Refusal):
        return error.refusal
    return str(getattr(error, "code", "error"))
