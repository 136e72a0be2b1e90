# SPDX-License-Identifier: Apache-2.0
"""Identifiers, heights, sizes and indexes cannot be mixed up."""

from hanse.codec.documents import Hash32, Height, LeafIndex, LedgerId, LogSize, TimeMs, TxId


def read_block(height: Height) -> None:
    """Take a height."""


def prove(index: LeafIndex, size: LogSize, root: Hash32) -> None:
    """Take an index, a size and a root."""


def find(tx: TxId, ledger: LedgerId) -> None:
    """Take two identifiers."""


def wait_until(time: TimeMs) -> None:
    """Take a time."""


HEIGHT, SIZE, INDEX = Height(1), LogSize(2), LeafIndex(0)
ROOT, TX, LEDGER, TIME = Hash32(bytes(32)), TxId("t"), LedgerId("l"), TimeMs(0)

read_block(HEIGHT)
read_block(SIZE)  # expect: arg-type
read_block(INDEX)  # expect: arg-type
read_block(1)  # expect: arg-type
read_block(HEIGHT + 1)  # expect: arg-type
read_block(TIME)  # expect: arg-type

prove(INDEX, SIZE, ROOT)
prove(SIZE, INDEX, ROOT)  # expect: arg-type arg-type
prove(INDEX, SIZE, bytes(32))  # expect: arg-type
prove(INDEX, HEIGHT, ROOT)  # expect: arg-type

find(TX, LEDGER)
find(LEDGER, TX)  # expect: arg-type arg-type
find("t", LEDGER)  # expect: arg-type

wait_until(TIME)
wait_until(HEIGHT)  # expect: arg-type
