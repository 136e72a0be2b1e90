# SPDX-License-Identifier: Apache-2.0
"""The six steps, in the order and by the names of ``spec/evidence.md``; begin at :func:`verify`."""

from base64 import b64encode
from typing import Any

from hanse_verify.cometbft import check_chain
from hanse_verify.display import NO_FACTS, read_facts
from hanse_verify.documents import BYTES_MAX, Document, b64, check, decode, encode, unb64
from hanse_verify.proofs import check_note, check_state, log_root, state_key, tagged
from hanse_verify.range import check_range
from hanse_verify.suites import HASHES, check_signature


def verify(data: bytes, trust: str | None) -> Document:
    """Tell what ``data`` proves to who holds ``trust``, a ledger id or checkpoint; never raises."""
    case, steps = _Case(data, trust), []
    for step in ("format", "signature", "inclusion", "finality", "key status", "withdrawal"):
        try:
            detail, passed = getattr(case, f"check_{step.replace(' ', '_')}")(), True
        except (ValueError, RecursionError) as error:
            detail, passed = str(error), False
        steps.append({"step": step, "passed": passed, "detail": detail})
        if not passed:
            break
    verdict = "unknown_issuer" if trust is None else "valid" if passed else "withdrawn"
    verdict = verdict if passed or step == "withdrawal" else "not_valid"
    return {"verdict": verdict, **case.facts, "steps": steps}


class _Case:
    """One file under examination, and what the earlier steps found in it for the later ones."""

    def __init__(self, data: bytes, trust: str | None) -> None:
        self.data, self.trust, self.facts, self.withdrawal = data, trust, NO_FACTS, None
        self.signers: list[tuple[Any, ...]] = []  # signer and key id, signature, key, member

    def check_format(self) -> str:
        """1: one canonical encoding of exactly these fields, within limits, unchanged."""
        if len(self.data) > BYTES_MAX:
            raise ValueError(f"more than {BYTES_MAX} bytes")
        self.file = file = decode(self.data.removesuffix(b"\n"))
        kind = file.get("kind") if isinstance(file, dict) else None
        check(file, f"{kind}_file" if kind in ("record", "range") else "state_file")
        genesis = file["genesis"]
        # one validator of many must not speak for all: the ledger, not the file, names the engine
        engine = "cometbft" if "engine_validators" in genesis else "embedded"
        check(file["certificate"], engine, "$.certificate")
        names = {witness["name"] for witness in genesis["witnesses"]}
        if not genesis["witness_quorum"] <= len(names) == len(genesis["witnesses"]):
            raise ValueError("a witness is named twice, or the quorum is out of reach")
        self.hash = HASHES[genesis["hash"]]
        if (digest := file.pop("digest")) != b64(tagged(self.hash, "evidence", file)):
            raise ValueError("the digest is that of another file")
        self.ledger = b64(tagged(self.hash, "genesis", genesis))
        self.keys = self.read_record() if kind == "record" else [unb64(file.get("key", ""))]
        self.facts = read_facts(file, self.ledger, digest)
        return f"{len(self.data)} bytes of evidence of a {kind}, version 1"

    def read_record(self) -> list[bytes]:
        """Return the keys of the registry entries that a record needs, and keep their values."""
        receipt, transaction = self.file["record"]["receipt"], self.file["record"]["transaction"]
        body, signatures = transaction["body"], transaction["signatures"]
        named = [(signature["signer"], signature["key"]) for signature in signatures]
        if named[0] != (body["signer"], body["key"]) or len(set(named)) != len(named):
            raise ValueError("the first signature is not the signer's, or one is repeated")
        if (receipt["status"] == "rejected") != ("code" in receipt):
            raise ValueError("a refusal has a code, and nothing else has")
        self.tx, organisation = b64(tagged(self.hash, "tx", body)), body["signer"].partition("@")[2]
        places = [("contracts", body["contract"]), ("withdrawals", self.tx, organisation)]
        for signer, key in named:
            places += [("keys", signer, key), ("members", signer)]
        entries = self.file["state"]["entries"]
        for (map_, *_), entry in zip(places, entries, strict=True):
            if "value" in entry or map_ != "withdrawals":  # only that may be absent
                check(entry.get("value"), map_, f"$ value in {map_}")
        self.contract, self.withdrawal, *rest = [entry.get("value") for entry in entries]
        self.signers = list(zip(named, signatures, rest[::2], rest[1::2], strict=True))
        return [state_key(*place) for place in places]

    def check_signature(self) -> str:
        """2: every signature is of exactly this transaction, by its suite's one rule."""
        for _, signature, key, _ in self.signers:
            message = b"hanse/tx/1\0" + encode(self.file["record"]["transaction"]["body"])
            public_key, signed = unb64(key["public_key"]), unb64(signature["signature"])
            check_signature(key["suite"], public_key, message, signed)
        names = [signer for (signer, _), *_ in self.signers]
        return f"signed by {', '.join(names)}" if names else "no signature belongs to a state value"

    def check_inclusion(self) -> str:
        """3: the record is in the log of this header, the entries are in its state."""
        file, header = self.file, self.file["header"]
        if header["ledger"] != self.ledger:
            raise ValueError("the header is of another ledger than the genesis document")
        root, contract = unb64(header["state_root"]), file.get("contract", "registry")
        if file["kind"] == "range":
            return f"{check_range(self.hash, root, file)} in the state of height {header['height']}"
        check_state(self.hash, root, contract, self.keys, file["state"])
        if file["kind"] == "state":
            return f"in the state of height {header['height']}"
        receipt, transaction = file["record"]["receipt"], file["record"]["transaction"]
        if transaction["body"]["ledger"] != self.ledger or receipt["tx"] != self.tx:
            raise ValueError("the transaction is of another ledger, or the receipt not of it")
        leaf = tagged(self.hash, "signed", transaction) + tagged(self.hash, "receipt", receipt)
        index, size, path = file["record"]["index"], header["log_size"], file["record"]["path"]
        root = log_root(self.hash, leaf, index, size, path)
        if receipt["height"] > header["height"] or b64(root) != header["log_root"]:
            raise ValueError("the record is not in the log of this header, or newer")
        return f"leaf {index} of {size} before the header of height {header['height']}"

    def check_finality(self) -> str:
        """4: the header is final, on the ledger that the trust anchor names."""
        genesis, header, certificate = (self.file[n] for n in ("genesis", "header", "certificate"))
        engine = certificate["engine"] == "cometbft"  # there, validators change: see check_chain
        named = ("rules",) if engine else ("rules", "validators")
        if any(header[n] != b64(tagged(self.hash, n, genesis[n])) for n in named):
            raise ValueError("the header has other validators or rules than the ledger")
        size, body = header["log_size"] + 1, "no note"
        if engine:
            detail = check_chain(self.hash, genesis, header, certificate)
        else:
            block_id = tagged(self.hash, "header", header)
            root = log_root(self.hash, block_id, size - 1, size, certificate["header_path"])
            body = f"hanse/{self.ledger}\n{size}\n{b64encode(root).decode()}\n"
            detail = check_note(certificate["note"], body, genesis)
        trust = self.ledger if self.trust is None else self.trust
        if trust != self.ledger and not trust.startswith(f"{body}\n"):
            raise ValueError("another ledger or checkpoint than the trust anchor names")
        return detail if self.trust is not None else f"{detail}; no trust anchor was given"

    def check_key_status(self) -> str:
        """5: keys, members and contract were valid at the height of the receipt."""
        if not self.signers:
            return "no key belongs to a state value"
        height = self.file["record"]["receipt"]["height"]
        for (signer, _), _, key, member in self.signers:
            for entry in (key, member):
                end = height + 1 if entry["to_height"] is None else entry["to_height"]
                if not entry["from_height"] <= height < end:
                    raise ValueError(f"key or membership of {signer} not valid at {height}")
            if key["purpose"] != "signing" or member["organisation"] != signer.partition("@")[2]:
                raise ValueError(f"{signer}: not a signing key, or of another organisation")
        if all(version["from_height"] > height for version in self.contract["versions"]):
            raise ValueError(f"the contract was not active at {height}")
        return f"keys, members and contract were valid at height {height}"

    def check_withdrawal(self) -> str:
        """6: not withdrawn as of this header, the newest that is given."""
        header, taken = self.file["header"], self.withdrawal
        as_of = f"as of height {header['height']}, {header['time_ms']} ms"
        if taken is None:
            return f"not withdrawn {as_of}"
        then = f", replaced by {taken['replacement']}" if taken["replacement"] else ""
        by = f"at height {taken['height']} by {taken['by']}: {taken['reason']}{then}"
        raise ValueError(f"withdrawn {by}; {as_of}")
