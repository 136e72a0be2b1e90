# SPDX-License-Identifier: Apache-2.0
"""The examples of the pages on evidence are what the small ledger of these tests yields."""

import re
from pathlib import Path

from tests.verifier.build import Ledger, b64

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
        *(text for pair in file["state"]["top_bucket"] for text in pair),
        *file["certificate"]["header_path"],
    }
    assert shown == wanted
    assert f'"key": "{file["state"]["key"]}"' in example
    assert f"hanse/{OURS.id}\\n10\\n" in example
