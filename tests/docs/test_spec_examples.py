# SPDX-License-Identifier: Apache-2.0
"""The examples of the specification are what the code makes, and hold without the kernel."""

import hashlib
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.docs.blocks import find_blocks
from tools.spec_examples import PAGES, PLACE, ROOT, build_examples, fill

from hanse.codec import canonical
from hanse.codec.base64url import to_bytes, to_text


def example(name: str) -> str:
    """Return the text of an example as it stands in its page."""
    for path in PAGES:
        for found in PLACE.finditer(path.read_text(encoding="utf-8")):
            if found[2] == name:
                return found[4]
    raise AssertionError(name)


def document(name: str) -> Any:
    """Return the value of an example."""
    return json.loads(example(name))


def values(name: str) -> dict[str, str]:
    """Return the listed values of a page."""
    pairs = (re.split(r" {2,}", line) for line in example(name).splitlines())
    return {line[0]: line[1] for line in pairs}


def tagged(tag: str, value: Any) -> bytes:
    """Return H(tag, bytes), computed here and not by the code under test."""
    data = value if isinstance(value, bytes) else plain(value)
    return hashlib.sha256(tag.encode() + b"\x00" + data).digest()


def plain(value: Any) -> bytes:
    """Return canonical bytes by the standard library alone."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def test_the_pages_show_what_the_code_makes() -> None:
    examples = build_examples()
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        assert fill(page, examples) == page, "run `make docs`"
    shown = [
        found[2] for path in PAGES for found in PLACE.finditer(path.read_text(encoding="utf-8"))
    ]
    assert sorted(shown) == sorted(examples)


def test_the_transaction_has_the_id_and_signature_that_its_page_says() -> None:
    transaction = document("transaction")
    raw = example("transaction-bytes").rstrip("\n").encode()
    said = values("transaction-values")
    assert plain(transaction) == raw
    assert to_text(tagged("hanse/tx/1", transaction["body"])) == said["tx id"]
    key = Ed25519PublicKey.from_public_bytes(to_bytes(said["alice's public key"]))
    (signature,) = transaction["signatures"]
    key.verify(to_bytes(signature["signature"]), b"hanse/tx/1\x00" + plain(transaction["body"]))
    nonce = f"{transaction['body']['signer']}\n{transaction['body']['nonce']}".encode()
    assert to_text(tagged("hanse/nonce/1", nonce)) == said["nonce digest"]


def test_the_block_commits_to_its_record_and_header() -> None:
    block, said = document("block"), values("block-values")
    ((transaction, receipt),) = block["records"]
    header = block["header"]
    assert transaction == document("transaction")
    leaf = tagged("hanse/signed/1", transaction) + tagged("hanse/receipt/1", receipt)
    assert to_text(leaf) == said["record leaf"]
    leaf_hash = hashlib.sha256(b"\x00" + leaf).digest()
    first = hashlib.sha256(b"\x00" + to_bytes(said["block id (height 0)"])).digest()
    root = hashlib.sha256(b"\x01" + first + leaf_hash).digest()
    assert (header["log_size"], header["log_root"]) == (2, to_text(root))
    assert header["previous"] == said["block id (height 0)"]
    assert receipt["tx"] == values("transaction-values")["tx id"]
    block_id = tagged("hanse/header/1", header)
    assert to_text(block_id) == said["block id"]
    last = hashlib.sha256(b"\x00" + block_id).digest()
    signed_root = hashlib.sha256(b"\x01" + root + last).digest()
    assert block["certificate"]["header_path"] == [header["log_root"]]
    size, encoded = block["certificate"]["note"].splitlines()[1:3]
    assert size == "3"
    assert encoded.rstrip("=") == to_text(signed_root).replace("-", "+").replace("_", "/")


def test_the_example_of_canonical_json_has_the_hash_that_the_page_says() -> None:
    page = (ROOT / "spec/canonical-json.md").read_text(encoding="utf-8")
    block = next(b for b in find_blocks(page) if b.kind == "json")
    data = block.text.rstrip("\n").encode()
    assert canonical.encode(canonical.decode(data)) == data
    assert hashlib.sha256(data).hexdigest() in page


def test_every_tag_of_the_code_stands_in_the_page() -> None:
    page = (ROOT / "spec/canonical-json.md").read_text(encoding="utf-8")
    used = {
        tag
        for path in (ROOT / "src/hanse").rglob("*.py")
        for tag in re.findall(r"\"(hanse/[a-z]+/\d)\"", path.read_text(encoding="utf-8"))
    }
    assert used
    assert sorted(tag for tag in used if f"`{tag}`" not in page) == []


@pytest.mark.parametrize("path", sorted((ROOT / "spec").glob("*.md")), ids=lambda p: p.name)
def test_every_page_but_the_limits_begins_with_its_version_and_an_example(path: Any) -> None:
    if path.name == "limits.md":
        return
    page = path.read_text(encoding="utf-8")
    assert re.search(r"^Version \d+\.", page, flags=re.MULTILINE)
    first = re.search(r"^## (.+)$", page, flags=re.MULTILINE)
    assert first
    assert "xample" in first[1]
