# SPDX-License-Identifier: Apache-2.0
"""Questions on the newest state: queries, dry runs of actions, the directory of members."""

from typing import TYPE_CHECKING, Any

import msgspec

from hanse.codec.canonical import decode_as, encode
from hanse.codec.documents import Body, Signature, Transaction, header_decoder
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.errors import Refusal
from hanse.identity import organisation_of
from hanse.kernel import load_contract
from hanse.node.clock import wall_clock_ms
from hanse.node.errors import NotFound

if TYPE_CHECKING:
    from hanse.node.catalogue import Catalogue
    from hanse.node.ledger import Ledger

_LISTED_MAX = 1_000  # organisations or members in the directory listing


class Queries:
    """Runs questions beside the kernel, on contracts of its own: a block shares none of them."""

    def __init__(self, node: "Ledger", catalogue: "Catalogue") -> None:
        """Load the contracts once more for reading."""
        self._node = node
        self._catalogue = catalogue
        self._contracts = {
            name: load_contract(loaded.cls, node.kernel.hash)
            for name, loaded in node.kernel.contracts.items()
        }

    def query(
        self, contract: str, name: str, args: dict[str, Any], signer: str | None
    ) -> dict[str, Any]:
        """Return the answer of a query at the newest height.

        Raises:
            NotFound: no such contract or query.
            Refusal: the query refused, or an argument is not of its type.
        """
        loaded = self._loaded(contract)
        entry = loaded.entries.get(name)
        if entry is None or entry.mark.kind != "query":
            raise NotFound("query", f"{contract}.{name}")
        header = decode_as(self._node.store.header, header_decoder)
        member = signer or ""
        outcome = loaded.call(
            self._node.store,
            Call(
                entry=entry,
                args=encode(args),
                member=member,
                organisation=organisation_of(member),
                now=header.time_ms,
                height=header.height,
                tx="",
                cost_max=self._node.kernel.rules.cost_max,
                roles=lambda: self._roles(member, header.height),
                contracts=lambda name: self._active(name, header.height),
            ),
        )
        if outcome.code is not None:
            raise Refusal(outcome.code, outcome.reason, _facts(outcome))
        return {
            "height": header.height,
            "result": None if outcome.result is None else msgspec.Raw(outcome.result),
            "state_root": header.state_root,
        }

    def check(
        self, contract: str, action: str, args: dict[str, Any], signers: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return what the action would do if it were the next transaction; nothing is recorded.

        Args:
            contract: name of the contract.
            action: name of the action.
            args: of the action.
            signers: the signer, then the members who would sign, too.
        """
        kernel = self._node.kernel
        header = decode_as(self._node.store.header, header_decoder)
        tx = self._unsigned(contract, action, args, signers)
        time_ms = max(wall_clock_ms(), header.time_ms + 1)
        outcome = kernel.run(self._node.store, tx, header.height + 1, time_ms)
        answer: dict[str, Any] = {
            "cost": outcome.cost,
            "events": list(outcome.events),
            "status": "ok" if outcome.code is None else "rejected",
            "writes": sum(len(changes) for changes in outcome.writes.values()),
        }
        if outcome.code is not None:
            answer |= {"code": outcome.code, "reason": outcome.reason, "facts": _facts(outcome)}
        if outcome.result is not None:
            answer["result"] = msgspec.Raw(outcome.result)
        return answer

    def _unsigned(
        self, contract: str, action: str, args: dict[str, Any], signers: tuple[str, ...]
    ) -> Transaction:
        body = Body(
            action=action,
            args=msgspec.Raw(encode(args)),
            contract=contract,
            cost_max=self._node.kernel.rules.cost_max,
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
        registry = self._loaded("registry")
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

    def _roles(self, member: str, height: int) -> tuple[str, ...]:
        return self._node.kernel.directory.roles(self._node.store, member, height)

    def _active(self, contract: str, height: int) -> LoadedContract | None:
        directory = self._node.kernel.directory.look_at(self._node.store)
        active = directory.is_active(self._node.store, contract, height)
        return self._contracts.get(contract) if active else None

    def _loaded(self, contract: str) -> LoadedContract:
        loaded = self._contracts.get(contract)
        if loaded is None:
            raise NotFound("contract", contract)
        return loaded


def _facts(outcome: Outcome) -> dict[str, object]:
    return {} if outcome.facts is None else dict(msgspec.json.decode(outcome.facts))
