# SPDX-License-Identifier: Apache-2.0
"""Write the examples of four pages of ``spec``: genesis, state keys, formats, packages."""

import json
import re
import sys
from pathlib import Path

from tools.spec_examples import SUITE, build_genesis, fill, listing, pretty

from hanse.apps.trace import APP
from hanse.contracts.keys import encode_key
from hanse.contracts.package_file import build_package
from hanse.crypto.signers import from_private
from hanse.identity import Genesis, encode_genesis, ledger_id
from hanse.kernel import Kernel
from hanse.node.catalogue import Catalogue

ROOT = Path(__file__).resolve().parent.parent
PAGES = tuple(ROOT / f"spec/{name}.md" for name in ("genesis", "state-key", "formats", "package"))
PACKED = """\
from hanse.contracts import Context, Contract, Map, action


class Shelf(Contract):
    \"\"\"Lots by name.\"\"\"

    lots: Map[str, int]

    @action(role="packer")
    def put(self, ctx: Context, lot: str, kg: int) -> None:
        \"\"\"Put a lot. Rejects: already_exists.\"\"\"
        self.lots.add(lot, kg)
"""
DOCUMENT = re.compile(r"<!-- document -->\n```json\n(.*?)```", re.DOTALL)
KEYS: tuple[object, ...] = (
    "",
    "ab",
    "a\0b",
    -256,
    -1,
    0,
    1,
    255,
    256,
    False,
    True,
    b"\x00\xff",
    ("lot", 7),
    (("lot", 7), "x"),
)
"""Keys of the table in ``spec/state-key.md``: every kind of part, and the borders of integers."""


def build_examples() -> dict[str, str]:
    """Return each example's text by its name."""
    alice, operator = from_private(SUITE, bytes([1]) * 32), from_private(SUITE, bytes([2]) * 32)
    genesis = build_genesis(alice, operator)
    raw = encode_genesis(genesis)
    values = {
        "bytes": f"{len(raw)}",
        "ledger": ledger_id(raw, "sha256"),
    }
    return {
        "genesis": pretty(raw),
        "genesis-values": listing(values),
        "state-keys": listing({shown(key): encode_key(key).hex(" ") for key in KEYS}),
        "report": build_report(genesis, values["ledger"]),
        "package": pretty(build_package("shelf", {"shelf": PACKED}).data),
    }


def shown(key: object) -> str:
    """Return a key as Python writes it."""
    return repr(key).replace("'", '"')


def build_report(genesis: Genesis, ledger: str) -> str:
    """Return what a node answers on the document of ``spec/formats.md``."""
    found = DOCUMENT.search(PAGES[2].read_text(encoding="utf-8"))
    assert found, "spec/formats.md shows a document"
    kernel = Kernel(genesis, ledger, ())
    report = Catalogue(kernel, (APP,)).check_format(
        "epcis", found[1].encode(), "application/ld+json"
    )
    return pretty(json.dumps(report, sort_keys=True).encode())


def main() -> int:
    """Write the pages, or with ``--check`` say which are not up to date."""
    examples = build_examples()
    stale = []
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        filled = fill(page, examples)
        if filled != page:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(filled, encoding="utf-8")
    print(f"changed: {', '.join(stale) or 'nothing'}")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
