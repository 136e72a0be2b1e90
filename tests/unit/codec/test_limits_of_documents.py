# SPDX-License-Identifier: Apache-2.0
"""The limits agree with one another, and the reference page with them."""

import re
from pathlib import Path

from tools.limits_page import OPENING, PAGE, SOURCE, build_page

from hanse.codec import limits


def test_the_page_of_limits_is_the_one_that_the_module_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == build_page(SOURCE.read_text(encoding="utf-8"))


def test_the_page_has_every_limit() -> None:
    page = build_page(SOURCE.read_text(encoding="utf-8"))
    assert page.startswith(OPENING)
    assert [name for name in limits.LIMITS if f"| `{name}` |" not in page] == []


def test_every_limit_is_positive_and_named_after_its_unit_or_bound() -> None:
    assert all(value > 0 for value in limits.LIMITS.values())
    assert all(name.isupper() for name in limits.LIMITS)


def test_a_part_fits_into_its_whole() -> None:
    assert limits.TX_BYTES_MAX < limits.BODY_BYTES_MAX < limits.BLOCK_BYTES_MAX
    assert limits.COST_MAX <= limits.BLOCK_COST_MAX
    assert limits.SUBMISSION_TXS_MAX <= limits.BLOCK_TXS_MAX
    assert limits.NONCE_BYTES_MIN < limits.NONCE_BYTES_MAX
    assert limits.VALUE_BYTES_MAX <= limits.BLOCK_WRITE_BYTES_MAX
    assert limits.SIGNER_CHARS_MAX == 2 * limits.NAME_CHARS_MAX + 1
    assert limits.RECEIPT_BYTES_MAX + limits.TX_BYTES_MAX < limits.EVIDENCE_BYTES_MAX


def test_no_other_module_of_the_rooms_on_which_nodes_must_agree_has_a_public_bound() -> None:
    hanse = Path(limits.__file__).parent.parent
    rooms = {"codec", "merkle", "identity", "contracts", "kernel"}
    defining = [
        f"{path.relative_to(hanse)}: {line}"
        for path in hanse.rglob("*.py")
        if path != Path(limits.__file__)
        and path.relative_to(hanse).parts[0] in rooms
        and "patterns" not in path.parts  # a contract's package says all of itself
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"[A-Z][A-Z0-9_]*_(MAX|MIN)\b.*= [0-9]", line)
    ]
    assert defining == []
