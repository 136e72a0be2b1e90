# SPDX-License-Identifier: Apache-2.0
"""``Ledger``: a contract on a real node with an engine, disk and gateway, for one test.

Calls look as they do on :class:`hanse.testing.bench.Bench`; here each one is signed, ordered, made
durable, and its receipt is verified by the client.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from hanse.client import Client
from hanse.client.receipts import VerifiedReceipt
from hanse.contracts.app import App
from hanse.contracts.contract import MARK, Context, Contract
from hanse.contracts.refusals import Refused
from hanse.contracts.types import OrganisationId
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.errors import Refusal
from hanse.gateway.app import build_app
from hanse.gateway.server import start as start_gateway
from hanse.identity import is_member_id, organisation_of
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService
from hanse.testing.clock import Clock

C = TypeVar("C", bound=Contract)
P = ParamSpec("P")
R = TypeVar("R")

SUITE: Final = "ed25519-sha256"
OPERATOR: Final = "operator"
START_TIMEOUT_S: Final = 60


class Ledger(Generic[C]):
    """A ledger of one contract on one node, founded when the first call is made."""

    def __init__(self, contract: type[C], path: Path, *, clock: Clock | None = None) -> None:
        """Keep all files under ``path``; nothing runs yet."""
        self.contract = contract
        self.clock = clock or Clock()
        self._path = path
        self._founders: dict[str, Founder[Signer]] = {}
        self._clients: dict[str, Client] = {}
        self._running: _Running | None = None

    def actor(self, organisation: str, *roles: str, name: str = "person") -> "Member":
        """Return a member of ``organisation`` with exactly these roles."""
        return self.member(f"{name}@{organisation}", *roles)

    def member(self, member: str, *roles: str) -> "Member":
        """Return the member ``name@organisation`` with exactly these roles.

        All members are named before the first call: the genesis lists them.
        """
        assert is_member_id(member), f"{member} is no member id"
        held = tuple(sorted(roles))
        known = self._founders.get(member)
        if known is None:
            assert self._running is None, f"name {member} before the first call"
            self._founders[member] = Founder(held, signers.generate(SUITE))
        else:
            assert tuple(known.roles) == held, f"{member} has the roles {known.roles}"
        return Member(self, member)

    @property
    def id(self) -> str:
        """The ledger id: the trust anchor of what this ledger proves."""
        return self._started().folder.ledger

    @property
    def url(self) -> str:
        """Where the node listens."""
        return self._started().url

    def client(self, member: str) -> Client:
        """Return the client that signs as ``member`` and verifies what it is given."""
        client = self._clients.get(member)
        if client is None:
            client = self._clients[member] = Client(
                self.url,
                trust=self.id,
                member=member,
                signer=self._founders[member].signer,
                now_ms=self.clock,
            )
        return client

    def close(self) -> None:
        """End the node; its files stay where they are."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._running is not None:
            self._running.stop()
            self._running = None

    def _started(self) -> "_Running":
        if self._running is None:
            operator = signers.generate(SUITE)
            organisations = {OPERATOR: "The operator of the node"}
            organisations |= {organisation_of(m): organisation_of(m) for m in self._founders}
            genesis = found(
                network="test",
                time_ms=self.clock.now,
                organisations=organisations,
                members=self._founders,
                operator=Operator("node1", OPERATOR, operator),
                contracts=[self.contract],
            )
            folder = make_folder(self._path, genesis, "node1", operator)
            self._running = _Running(folder, self.contract, self.clock)
        return self._running


class _Running:
    """A node with its gateway, on an event loop in a thread of its own."""

    def __init__(self, folder: Folder, contract: type[Contract], clock: Clock) -> None:
        name = contract.name or contract.__name__.lower()
        self.folder = folder
        self._app = App(name=name, title=contract.__name__, contracts=(contract,))
        self._clock = clock
        self._ready: Future[str] = Future()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()
        self.url = self._ready.result(START_TIMEOUT_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:
                if self._ready.done():
                    raise
                self._ready.set_exception(error)

    async def _serve(self) -> None:
        service = NodeService(self.folder, (self._app,), now_ms=self._clock)
        await service.start()
        running = await start_gateway(build_app(service), port=0)
        self._ready.set_result(running.url)
        try:
            await self._stop.wait()
        finally:
            await running.stop()
            await service.stop()


@dataclass(frozen=True, slots=True)
class Member:
    """A member that calls: ``alice(Notes.issue, "N1", to="bob")``."""

    ledger: Ledger[Any]
    member: str

    @property
    def organisation(self) -> OrganisationId:
        """For whom the member acts."""
        return OrganisationId(organisation_of(self.member))

    @property
    def client(self) -> Client:
        """The member's own client, for receipts, proofs and evidence."""
        return self.ledger.client(self.member)

    def __call__(
        self, method: Callable[Concatenate[Any, Context, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return the result of an action or query; the receipt of an action is verified.

        Raises:
            Refused: with the code of the receipt, or of the admission.
        """
        try:
            if getattr(method, MARK).kind == "query":
                return self.client.ask(method, *args, **kwargs)
            return self.client.call(method, *args, **kwargs).value
        except Refusal as error:
            refused = Refused(error.refusal, error.reason)
            refused.facts = error.detail or {}
            raise refused from None

    def attempt(self, name: str, args: Mapping[str, Any]) -> VerifiedReceipt:
        """Return the proved receipt of an action with arguments in their JSON form."""
        contract = self.ledger.contract
        return self.client.submit(contract.name or contract.__name__.lower(), name, args)
