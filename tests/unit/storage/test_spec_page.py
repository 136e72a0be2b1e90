# SPDX-License-Identifier: Apache-2.0
"""The example in ``spec/block-log.md`` is what the code writes."""

from pathlib import Path

from hanse.storage import BlockLog

SPEC = Path(__file__).resolve().parents[3] / "spec"


def hex_dump(data: bytes) -> str:
    return "\n".join(
        f"{at:04x}  {data[at : at + 16].hex(' ', 4)}" for at in range(0, len(data), 16)
    )


def example(folder: Path) -> str:
    """Two entries: heights 0 and 1, ids of 32 bytes 11 and 22, payloads {} and {"a":1}."""
    log = BlockLog.open(folder, create=True)
    log.append([(0, b"\x11" * 32, b"{}")])
    log.append([(1, b"\x22" * 32, b'{"a":1}')])
    log.close()
    segment = (folder / "000000000000.blk").read_bytes()
    mark = (folder / "acknowledged").read_bytes()
    return f"000000000000.blk\n{hex_dump(segment)}\n\nacknowledged\n{hex_dump(mark)}"


def test_the_block_log_page_shows_what_the_code_writes(tmp_path: Path) -> None:
    page = (SPEC / "block-log.md").read_text(encoding="utf-8")
    assert f"```text\n{example(tmp_path)}\n```" in page
