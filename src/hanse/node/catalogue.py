# SPDX-License-Identifier: Apache-2.0
"""What a node knows of contracts and formats beyond running them."""

import hashlib
from typing import Any

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import Receipt, Transaction, decode_transaction, receipt_decoder
from hanse.contracts.app import App, Format
from hanse.contracts.schema import describe, events_of
from hanse.contracts.sentences import plain_sentence, refusal_sentence, sentence
from hanse.kernel import BUILT_IN_NAMES, KERNEL_CODES, Kernel
from hanse.node.errors import NotFound
from hanse.storage import Store

_KERNEL = {c.code: c for c in KERNEL_CODES}


class Catalogue:
    """Descriptions made once of each version of a contract; ``follow`` says of which state."""

    def __init__(self, kernel: Kernel, apps: tuple[App, ...]) -> None:
        """Know the formats of ``apps``; contracts are described once there is a state."""
        self._kernel = kernel
        self._apps = apps
        self._titles = {
            (c.name or c.__name__.lower()): app.title for app in apps for c in app.contracts
        }
        self._templates: dict[tuple[str, str], str] = {}
        self._described: dict[tuple[str, str], dict[str, Any]] = {}  # by name and package
        self._current: dict[str, tuple[str, str]] = {}
        self._store: Store | None = None
        self._seen_height = -2
        self._formats: dict[str, tuple[App, Format]] = {
            f.name: (app, f) for app in apps for f in app.formats
        }

    def follow(self, store: Store) -> None:
        """Describe the contracts of a state, and go on with what becomes of them there."""
        self._store = store
        self._seen_height = -2
        self._refresh()

    def _refresh(self) -> None:
        """Describe what has become active since; versions that were stay, for their records."""
        store = self._store
        assert store is not None, "a catalogue follows a state"
        height = store.changed_height("registry")
        if height == self._seen_height:
            return
        self._seen_height = height
        for name, versions in self._kernel.directory.contracts(store).items():
            for version in versions:
                self._describe(store, name, version.hash)
            self._current[name] = (name, versions[-1].hash)

    def _describe(self, store: Store, name: str, package: str) -> None:
        if (name, package) in self._described:
            return
        found = self._kernel.library.look_up(store, name, package)
        if found is None:
            return
        made = describe(found.loaded, found.package, "\n\n".join(found.files.values()))
        made["lowered"] = found.lowered
        self._described[name, package] = made
        for event, kind in events_of(found.loaded).items():
            self._templates[name, event] = (kind.__doc__ or "").strip()

    def _found(self, contract: str) -> dict[str, Any] | None:
        self._refresh()
        return self._described.get(self._current.get(contract, ("", "")))

    def contracts(self) -> list[dict[str, Any]]:
        """Return one line for each contract that was ever active, with its status."""
        self._refresh()
        store = self._store
        assert store is not None
        lines = []
        for name, key in sorted(self._current.items()):
            found = self._described.get(key)
            if found is not None:
                lines.append(
                    {
                        "built_in": name in BUILT_IN_NAMES,
                        "hash": found["hash"],
                        "name": name,
                        "status": self._kernel.directory.look_at(store).status(store, name),
                        "title": self._titles.get(name, found["title"]),
                        "version": found["version"],
                    }
                )
        return lines

    def describe(self, contract: str) -> dict[str, Any]:
        """Return the description of a contract's current version.

        Raises:
            NotFound: no such contract was ever active.
        """
        found = self._found(contract)
        if found is None:
            raise NotFound("contract", contract)
        return found

    def sentence(self, tx: Transaction, receipt: Receipt) -> str:
        """Return what a record says, in words."""
        body = tx.body
        if receipt.code is not None:
            return refusal_sentence(body.signer, body.action, receipt.code, receipt.reason or "")
        self._refresh()
        parts = []
        for event in receipt.events[:3]:
            template = self._templates.get((event.contract, event.event))
            if template:
                parts.append(sentence(template, msgspec.json.decode(event.fields)))
        more = len(receipt.events) - 3
        if more > 0:
            parts.append(f"And {more} more.")
        return " ".join(parts) or plain_sentence(body.signer, body.action, body.contract)

    def why(self, transaction: bytes, receipt_bytes: bytes) -> dict[str, Any]:
        """Return the explanation of a receipt."""
        tx = decode_transaction(transaction, self._kernel.hash.tagged)
        receipt = decode_as(receipt_bytes, receipt_decoder)
        body = tx.body
        if receipt.code is None:
            return {"code": None, "status": "ok", "cause": self.sentence(tx, receipt)}
        known = _KERNEL.get(receipt.code)
        found = self._found(body.contract) or {"actions": []}
        action = next((a for a in found["actions"] if a["name"] == body.action), None)
        clause = f"kernel, stage {known.stage}" if known else "the contract"
        if action is not None and (known is None or known.stage == "run"):
            rejects = ", ".join(action["rejects"]) or "none listed"
            clause = f"{body.contract}.{body.action}; refusals in order: {rejects}"
        role = action["role"] if action else None
        return {
            "action": body.action,
            "cause": receipt.reason or (known.cause if known else receipt.code),
            "clause": clause,
            "code": receipt.code,
            "contract": body.contract,
            "facts": {} if receipt.facts is msgspec.UNSET else receipt.facts,
            "remedy": known.remedy if known else "Change what the reason names and sign again.",
            "status": receipt.status,
            "who": _who(receipt, role, body.signer),
        }

    def formats(self) -> list[dict[str, Any]]:
        """Return the formats that can be checked here."""
        return [
            {"app": a.name, "media_types": list(f.media_types), "name": f.name, "title": f.title}
            for a, f in self._formats.values()
        ]

    def check_format(self, name: str, data: bytes, media_type: str | None) -> dict[str, Any]:
        """Return the report on a document.

        Raises:
            NotFound: no such format.
        """
        if name not in self._formats:
            raise NotFound("format", name)
        digest = to_text(hashlib.sha256(data).digest())
        return {"document_digest": digest, **self._formats[name][1].check(data, media_type)}


def _who(receipt: Receipt, role: str | None, signer: str) -> str:
    """Return who could mend a refusal."""
    if receipt.code == "not_also_signed" and receipt.facts is not msgspec.UNSET:
        missing = msgspec.json.decode(receipt.facts, type=_Missing).missing
        signed = ", ".join(missing)
        return f"{signed}, by a member with the role {role}" if role else signed
    return f"a member with the role {role}" if role else signer


class _Missing(msgspec.Struct):
    missing: list[str]
