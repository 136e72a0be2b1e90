# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of the answers that every ledger gives, whatever its contracts.

Documents of Hanse's own formats are closed; lists of facts that may grow (a ledger's status, the
explanation of a receipt) are open, so that an older client keeps working.
"""

from typing import Final, TypeAlias

from hanse.codec.commits import LEAVES
from hanse.codec.limits import INTEGER_MAX, TX_SIGNATURES_MAX

Schema: TypeAlias = dict[str, object]

TEXT: Final[Schema] = {"type": "string"}
HEIGHT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}
HASH: Final[Schema] = {"type": "string", "format": "base64url"}
OBJECT: Final[Schema] = {"type": "object"}
_OPTIONAL_HEIGHT: Final[Schema] = {"anyOf": [HEIGHT, {"type": "null"}]}


def closed(properties: dict[str, object], required: list[str] | None = None) -> Schema:
    """Return an object with these members only; all of them are required unless named."""
    return {**opened(properties, required), "additionalProperties": False}


def opened(properties: dict[str, object], required: list[str] | None = None) -> Schema:
    """Return an object with at least these members."""
    needed = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": needed}


def list_of(item: Schema) -> Schema:
    """Return an array of ``item``."""
    return {"type": "array", "items": item}


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def fixed_schemas() -> dict[str, object]:
    """Return the components that do not depend on contracts."""
    return {**_documents(), **_ledger_answers(), **_contract_answers()}


def _documents() -> dict[str, object]:
    """Return the schemas of what is hashed, signed or proved."""
    event = closed({"contract": TEXT, "event": TEXT, "fields": OBJECT})
    receipt: dict[str, object] = {
        "code": TEXT,
        "cost": HEIGHT,
        "events": list_of(event),
        "facts": OBJECT,
        "height": HEIGHT,
        "index": HEIGHT,
        "reason": TEXT,
        "result": {},
        "status": {"enum": ["ok", "rejected"]},
        "tx": HASH,
        "v": {"const": 1},
    }
    header: dict[str, object] = {
        **dict.fromkeys(("engine_height", "height", "log_size", "time_ms"), HEIGHT),
        **dict.fromkeys(("ledger", "log_root", "previous", "rules", "state_root"), HASH),
        "validators": HASH,
        "v": {"const": 1},
    }
    signature = closed({"key": TEXT, "signature": HASH, "signer": TEXT})
    signatures = {**list_of(signature), "minItems": 1, "maxItems": TX_SIGNATURES_MAX}
    problem = opened(
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer"},
            "code": TEXT,
            "hint": TEXT,
            "tx": HASH,
        },
        ["type", "title", "status", "code", "hint"],
    )
    path: dict[str, object] = {"bucket": list_of(HASH), "siblings": list_of(HASH)}
    entry = closed({**path, "value": {}}, list(path))
    proof = closed({**path, "entries": list_of(entry)})
    kinds = {"kind": {"enum": ["record", "state", "range"]}, "v": {"const": 1}, "genesis": OBJECT}
    kinds |= {"digest": HASH, "state": ref("StateProof")}
    return {
        "Certificate": opened({"engine": TEXT}),
        "Evidence": opened({**kinds, "header": ref("Header"), "certificate": ref("Certificate")}),
        "Genesis": opened({"network": TEXT, "hash": TEXT, "v": {"const": 1}}),
        "Header": closed(header),
        "Problem": {
            **problem,
            "description": "RFC 9457; further members are the facts of the code.",
        },
        "Receipt": closed(receipt, ["cost", "events", "height", "index", "status", "tx", "v"]),
        "Signatures": signatures,
        "RangeProof": _range_proof(path),
        "StateProof": proof,
    }


def _step() -> Schema:
    """Return the schema of a change of the engine's validators."""
    vote = closed({"signature": HASH, "time": HASH})
    return closed(
        {
            "header": {**list_of(HASH), "minItems": LEAVES, "maxItems": LEAVES},
            "next": list_of(closed({"power": HEIGHT, "public_key": HASH})),
            "parts": HASH,
            "round": HEIGHT,
            "votes": list_of({"anyOf": [vote, {"type": "null"}]}),
        }
    )


def _range_proof(path: dict[str, object]) -> Schema:
    """Return the schema of what proves rows of an ordered map."""
    parts: dict[str, object] = {
        "entry": closed(path),
        "next": {"anyOf": [HASH, {"type": "null"}]},
        "pages": list_of(HASH),
        "values": list_of({}),
    }
    return closed({**path, **parts, "previous": HASH}, [*path, *parts])


def _ledger_answers() -> dict[str, object]:
    """Return the schemas of what a node says of its ledger."""
    certified: dict[str, object] = {"certificate": ref("Certificate"), "header": ref("Header")}
    record = closed({"receipt": ref("Receipt"), "sentence": TEXT, "transaction": OBJECT})
    summary = closed(
        {
            "block_id": HASH,
            **dict.fromkeys(("height", "refused", "time_ms", "transactions"), HEIGHT),
        }
    )
    status: dict[str, object] = {
        **dict.fromkeys(("engine", "hash", "network", "node", "organisation"), TEXT),
        **dict.fromkeys(("suite", "version"), TEXT),
        **dict.fromkeys(("block_id", "ledger", "state_root"), HASH),
        **dict.fromkeys(("height", "log_size", "provable_height"), HEIGHT),
        **dict.fromkeys(("time_ms", "witness_quorum"), HEIGHT),
        "contracts": list_of(TEXT),
    }
    key = opened(
        {
            "id": TEXT,
            "suite": TEXT,
            "public_key": HASH,
            "purpose": TEXT,
            "from_height": HEIGHT,
            "to_height": _OPTIONAL_HEIGHT,
        }
    )
    member = opened({"id": TEXT, "roles": list_of(TEXT), "keys": list_of(key)})
    frontier: dict[str, object] = {"frontier": list_of(HASH), "leaves": list_of(HASH)}
    return {
        "Block": closed({**certified, "block_id": HASH, "records": list_of(ref("Record"))}),
        "Blocks": closed({"blocks": list_of(summary)}),
        "CertifiedHeader": closed(certified),
        "Consistency": closed({"path": list_of(HASH)}),
        "History": _history(),
        "Leaves": closed({**certified, **frontier}),
        "Ledger": opened(status),
        "Nothing": closed({}),
        "Organisations": list_of(opened({"id": TEXT, "name": TEXT, "members": list_of(member)})),
        "Ready": opened({"ready": {"type": "boolean"}}),
        "Record": record,
        "Range": closed({**certified, "range": ref("RangeProof")}),
        "ValidatorSteps": closed({"steps": list_of(_step())}),
        "State": closed({**certified, "proof": ref("StateProof")}),
        "Why": opened({"cause": TEXT, "code": {"anyOf": [TEXT, {"type": "null"}]}}),
    }


def _history() -> Schema:
    """Return the schema of what a state entry was."""
    text: dict[str, object] = {"anyOf": [TEXT, {"type": "null"}]}
    version: dict[str, object] = {
        **dict.fromkeys(("action", "signer", "tx"), text),
        **dict.fromkeys(("height", "time_ms"), HEIGHT),
        **{name: {"type": "boolean"} for name in ("present", "was_present")},
        **{name: {} for name in ("value", "was")},
        "index": _OPTIONAL_HEIGHT,
    }
    shown = closed({**version, "evidence": TEXT}, list(version))
    return closed(
        {
            **dict.fromkeys(("contract", "map"), TEXT),
            "height": HEIGHT,
            "key": {},
            "next": text,
            "versions": list_of(shown),
        }
    )


def _contract_answers() -> dict[str, object]:
    """Return the schemas of what a node says of contracts and documents."""
    line = opened(
        {
            "name": TEXT,
            "version": TEXT,
            "title": TEXT,
            "hash": HASH,
            "built_in": {"type": "boolean"},
            "status": {"enum": ["active", "frozen", "migrating", "retired"]},
        }
    )
    rehearsal: dict[str, object] = {
        **dict.fromkeys(("changed", "chunks", "cost", "entries", "height", "proposal"), HEIGHT),
        **dict.fromkeys(("binds", "contract", "kind", "mode", "reason"), TEXT),
        **dict.fromkeys(("digest", "root_after", "root_before", "verdict"), TEXT),
        "findings": list_of(list_of(TEXT)),
        "code": {"anyOf": [TEXT, {"type": "null"}]},
        "maps": list_of(TEXT),
    }
    called: dict[str, object] = {"name": TEXT, "doc": TEXT, "args": OBJECT, "result": OBJECT}
    description: dict[str, object] = {
        **dict.fromkeys(("name", "doc", "version", "source"), TEXT),
        "hash": HASH,
        "actions": list_of(opened({**called, "rejects": list_of(TEXT)})),
        "queries": list_of(opened(called)),
        "events": list_of(opened({"name": TEXT, "sentence": TEXT, "fields": OBJECT})),
        "maps": list_of(opened({"name": TEXT, "value": OBJECT})),
    }
    finding = opened(
        {
            "layer": TEXT,
            "pointer": TEXT,
            "code": TEXT,
            "message": TEXT,
            "fatal": {"type": "boolean"},
        }
    )
    draft = opened({"contract": TEXT, "action": TEXT, "args": OBJECT})
    report: dict[str, object] = {
        **dict.fromkeys(("verdict", "standard", "version"), TEXT),
        "findings": list_of(finding),
        "drafts": list_of(draft),
    }
    a_format = opened({"name": TEXT, "title": TEXT, "media_types": list_of(TEXT), "app": TEXT})
    return {
        "Contract": opened(description),
        "Contracts": list_of(line),
        "Formats": list_of(a_format),
        "Rehearsal": opened(rehearsal),
        "Kept": closed({"bytes": HEIGHT, "digest": HASH}),
        "Report": opened(report),
    }
