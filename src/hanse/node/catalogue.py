# SPDX-License-Identifier: Apache-2.0
"""What a node knows of contracts and formats beyond running them."""

import hashlib
from typing import Any

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import Receipt, Transaction, decode_transaction, receipt_decoder
from hanse.contracts.app import App, Format
from hanse.contracts.package import lowered_hash, package_files, package_hash
from hanse.contracts.schema import describe, events_of
from hanse.contracts.sentences import plain_sentence, refusal_sentence, sentence
from hanse.kernel import KERNEL_CODES, Kernel
from hanse.node.errors import NotFound

_KERNEL = {c.code: c for c in KERNEL_CODES}
BUILT_IN = frozenset({"registry"})


class Catalogue:
    """Descriptions made once from the loaded contracts."""

    def __init__(self, kernel: Kernel, apps: tuple[App, ...]) -> None:
        """Describe every loaded contract and every format of ``apps``."""
        self._kernel = kernel
        self._apps = apps
        self._titles = {
            (c.name or c.__name__.lower()): app.title for app in apps for c in app.contracts
        }
        self._templates: dict[tuple[str, str], str] = {}
        self._described: dict[str, dict[str, Any]] = {}
        for name, loaded in kernel.contracts.items():
            source = "\n\n".join(package_files(loaded.cls).values())
            digest = package_hash(loaded.cls, kernel.hash.tagged)
            self._described[name] = describe(loaded, digest, source)
            self._described[name]["lowered"] = (
                None
                if loaded.program is None
                else lowered_hash(loaded.program, loaded.cls, kernel.hash.tagged)
            )
            for event, kind in events_of(loaded).items():
                self._templates[name, event] = (kind.__doc__ or "").strip()
        self._formats: dict[str, tuple[App, Format]] = {
            f.name: (app, f) for app in apps for f in app.formats
        }

    def contracts(self) -> list[dict[str, Any]]:
        """Return one line for each contract."""
        return [
            {
                "built_in": name in BUILT_IN,
                "hash": found["hash"],
                "name": name,
                "title": self._titles.get(name, found["title"]),
                "version": found["version"],
            }
            for name, found in sorted(self._described.items())
        ]

    def describe(self, contract: str) -> dict[str, Any]:
        """Return a contract's description.

        Raises:
            NotFound: no such contract is loaded.
        """
        if contract not in self._described:
            raise NotFound("contract", contract)
        return self._described[contract]

    def sentence(self, tx: Transaction, receipt: Receipt) -> str:
        """Return what a record says, in words."""
        body = tx.body
        if receipt.code is not None:
            return refusal_sentence(body.signer, body.action, receipt.code, receipt.reason or "")
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
        found = self._described.get(body.contract, {"actions": []})
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
