# SPDX-License-Identifier: Apache-2.0
"""Questions on the newest state: queries, dry runs of actions, the directory of members."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from hanse.codec.canonical import decode_as, encode
from hanse.codec.documents import Body, ContractEvent, Signature, Transaction, header_decoder
from hanse.contracts.runtime import LoadedContract
from hanse.errors import Refusal
from hanse.kernel import Asked
from hanse.kernel.directory import Directory
from hanse.node.clock import wall_clock_ms
from hanse.node.errors import NotFound
from hanse.node.work import Came

if TYPE_CHECKING:
    from hanse.node.catalogue import Catalogue
    from hanse.node.ledger import Ledger

_LISTED_MAX = 1_000  # organisations or members in the directory listing


class Queries:
    """Asks whoever executes contracts: a query or a trial reads what is durable, and only that."""

    def __init__(
        self, node: "Ledger", catalogue: "Catalogue", now_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        """Ask on behalf of ``node``; ``now_ms`` is its clock."""
        self._node = node
        self._now_ms = now_ms
        self._catalogue = catalogue
        self._library = node.kernel.library.another()
        self._directory = Directory()

    async def query(
        self, contract: str, name: str, args: dict[str, Any], signer: str | None
    ) -> dict[str, Any]:
        """Return the answer of a query at the newest height.

        Raises:
            NotFound: no such contract or query.
            Refusal: the query refused, or an argument is not of its type.
            WorkerTripped: the process that executes contracts did not survive it.
        """
        loaded = self.loaded(contract)
        entry = loaded.entries.get(name)
        if entry is None or entry.mark.kind != "query":
            raise NotFound("query", f"{contract}.{name}")
        header = decode_as(self._node.store.header, header_decoder)
        height, time_ms = header.height, header.time_ms
        came = await self._node.query(
            Asked(contract, name, encode(args), signer or "", height, time_ms)
        )
        if came.code is not None:
            raise Refusal(came.code, came.reason, _facts(came))
        return {
            "height": header.height,
            "result": None if came.result is None else msgspec.Raw(came.result),
            "state_root": header.state_root,
        }

    async def check(
        self, contract: str, action: str, args: dict[str, Any], signers: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return what the action would do if it were the next transaction; nothing is recorded.

        Args:
            contract: name of the contract.
            action: name of the action.
            args: of the action.
            signers: the signer, then the members who would sign, too.

        Raises:
            WorkerTripped: the process that executes contracts did not survive it.
        """
        header = decode_as(self._node.store.header, header_decoder)
        tx = self._unsigned(contract, action, args, signers)
        came = await self._node.trial(tx, max(self._now_ms(), header.time_ms + 1))
        answer: dict[str, Any] = {
            "cost": came.cost,
            "events": [
                ContractEvent(contract=contract, event=event, fields=msgspec.Raw(fields))
                for contract, event, fields in came.events
            ],
            "status": "ok" if came.code is None else "rejected",
            "writes": came.writes,
        }
        if came.code is not None:
            answer |= {"code": came.code, "reason": came.reason, "facts": _facts(came)}
        if came.result is not None:
            answer["result"] = msgspec.Raw(came.result)
        return answer

    def _unsigned(
        self, contract: str, action: str, args: dict[str, Any], signers: tuple[str, ...]
    ) -> Transaction:
        body = Body(
            action=action,
            args=msgspec.Raw(encode(args)),
            contract=contract,
            cost_max=self._node.kernel.rules_in(self._node.store).cost_max,
            expires_ms=0,
            key="",
            ledger=self._node.folder.ledger,
            nonce="",
            signer=signers[0],
            v=1,
        )
        blank = tuple(Signature(key="", signature="", signer=signer) for signer in signers)
        return Transaction(b"", b"", body, blank, bytes(32), bytes(32))

    def organisations(self) -> list[dict[str, Any]]:
        """Return organisations with their members, roles and keys."""
        registry = self.loaded("registry")
        rows = {
            collection: self._rows(registry, collection)
            for collection in ("organisations", "members", "roles", "keys")
        }
        members: dict[str, dict[str, Any]] = {}
        for (member,), entry in rows["members"]:
            members[str(member)] = {"id": member, "keys": [], "roles": [], **entry}
        for (member, role), entry in rows["roles"]:
            if entry["to_height"] is None or entry["to_height"] > self._node.store.height:
                members[str(member)]["roles"].append(role)
        for (member, key), entry in rows["keys"]:
            members[str(member)]["keys"].append({"id": key, **entry})
        return [
            {
                "id": organisation,
                **entry,
                "members": [m for m in members.values() if m["organisation"] == organisation],
            }
            for (organisation,), entry in rows["organisations"]
        ]

    def _rows(
        self, registry: LoadedContract, collection: str
    ) -> list[tuple[tuple[object, ...], dict[str, Any]]]:
        prefix = collection.encode("ascii") + b"\x00"
        rows = self._node.store.scan("registry", prefix, prefix, _LISTED_MAX)
        return [(registry.key_parts(key), msgspec.json.decode(value)) for key, value in rows]

    def loaded(self, contract: str) -> LoadedContract:
        """Return the current version of a contract.

        Raises:
            NotFound: none was ever active.
        """
        store = self._node.store
        version = self._directory.look_at(store).version(store, contract, store.height)
        loaded = version and self._library.find(store, contract, version.hash)
        if not isinstance(loaded, LoadedContract):
            raise NotFound("contract", contract)
        return loaded


def _facts(outcome: Came) -> dict[str, object]:
    return {} if outcome.facts is None else dict(msgspec.json.decode(outcome.facts))
