# SPDX-License-Identifier: Apache-2.0
"""The examples of the pages on evidence are what the small ledger of these tests yields."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.verifier import engine
from tests.verifier.build import Ledger, b64
from tests.verifier.test_cometbft import CERTIFICATE, POWERS, WANTED

from hanse_verify.cometbft import check_commit

SPEC = Path(__file__).parents[2] / "spec"
OURS = Ledger()


def test_the_checkpoint_on_its_page_is_a_genuine_one() -> None:
    page = (SPEC / "checkpoint.md").read_text("utf-8")
    assert f"```\n{OURS.note(3)}```\n" in page
    for name, who in (("node1@acme", "node1"), ("w-east", "w-east"), ("w-south", "w-south")):
        assert f"`{name}` `{b64(OURS.signer(who).public_key)}`" in page.replace("\n", " ")


def test_the_evidence_on_its_page_is_genuine_as_far_as_it_is_shown() -> None:
    page = (SPEC / "evidence.md").read_text("utf-8")
    example = page.split("```")[1]
    file = OURS.value("toll", b"lots\x00\x30L7\x00", 3)
    shown = set(re.findall(r'"([A-Za-z0-9_-]{43})"', example))
    wanted = {
        *(value for value in file["header"].values() if isinstance(value, str)),
        *file["certificate"]["header_path"],
        file["digest"],
    }
    assert shown == wanted
    shown = re.findall(r'"([A-Za-z0-9_-]{86})"', example)
    assert shown == file["state"]["bucket"]
    assert file["state"] | {"bucket": []} == {
        "bucket": [], "entries": [{"bucket": [], "siblings": []}], "siblings": []
    }  # fmt: skip
    assert f'"key": "{file["key"]}"' in example
    assert f"hanse/{OURS.id}\\n10\\n" in example


def test_the_certificate_on_its_page_is_that_of_the_real_software_as_far_as_it_is_shown() -> None:
    page = (SPEC / "finality-cometbft.md").read_text("utf-8")
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    wanted = CERTIFICATE
    assert list(_strings(shown, cut=True)) == [
        text[: len(part)]
        for text, part in zip(_strings(wanted), _strings(shown, cut=True), strict=True)
    ]
    assert (
        check_commit(wanted, POWERS, engine.CHAIN, WANTED)
        == "voting power 7000000000 of 7000000050"
    )


def _strings(value: object, *, cut: bool = False) -> Iterator[str]:
    """Yield every scalar of a document in its order, without the mark of what was left out."""
    if isinstance(value, dict):
        for name in sorted(value):
            yield name
            yield from _strings(value[name], cut=cut)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, cut=cut)
    else:
        yield str(value).removesuffix("\u2026") if cut else str(value)
