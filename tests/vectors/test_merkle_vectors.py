# SPDX-License-Identifier: Apache-2.0
"""The public proof vectors of transparency-dev/merkle: 98 of inclusion, 98 of consistency."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hanse.crypto import SHA256
from hanse.errors import ProofInvalid
from hanse.merkle.log import verify_consistency, verify_inclusion

pytestmark = pytest.mark.vectors
ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("HANSE_VECTORS", ROOT.parent / "shared" / "vectors"))
DATA = FOLDER / "rfc6962-merkle" / "testdata"


def load(kind: str) -> list[tuple[str, dict[str, Any]]]:
    if not DATA.is_dir():
        assert "CI" not in os.environ, "HANSE_VECTORS is absent"
        pytest.skip("not run: vectors absent")
    files = sorted((DATA / kind).rglob("*.json"))
    assert len(files) == 98
    return [(str(f.relative_to(DATA)), json.loads(f.read_bytes())) for f in files]


def judge(check: Callable[[], None]) -> bool:
    try:
        check()
    except ProofInvalid:
        return False
    return True


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "", validate=True)


def test_all_98_inclusion_vectors_get_their_verdict() -> None:
    wrong = []
    for name, v in load("inclusion"):
        path = [raw(h) for h in v["proof"] or []]
        good = judge(
            lambda v=v, path=path: verify_inclusion(
                SHA256, raw(v["leafHash"]), v["leafIdx"], v["treeSize"], path, raw(v["root"])
            )
        )
        if good == v["wantErr"]:
            wrong.append(name)
    assert not wrong


def test_all_98_consistency_vectors_get_their_verdict() -> None:
    wrong = []
    for name, v in load("consistency"):
        path = [raw(h) for h in v["proof"] or []]
        good = judge(
            lambda v=v, path=path: verify_consistency(
                SHA256, v["size1"], raw(v["root1"]), v["size2"], raw(v["root2"]), path
            )
        )
        if good == v["wantErr"]:
            wrong.append(name)
    assert not wrong


def test_equal_empty_hashes_prove_nothing() -> None:
    name = "inclusion/single-entry/empty-root-and-leaf.json"
    vector = dict(load("inclusion"))[name]
    assert vector["wantErr"]
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_inclusion(SHA256, b"", 0, 1, [], b"")
