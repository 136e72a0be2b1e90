# SPDX-License-Identifier: Apache-2.0
"""Rows of a range of an ordered map with the proof that there are no others."""

from typing import TYPE_CHECKING, Any

import msgspec

from hanse.codec.base64url import to_text
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.state import AFTER, Ordered
from hanse.errors import Malformed
from hanse.merkle.ranges import just_after
from hanse.node.proofs import path_document

if TYPE_CHECKING:
    from hanse.storage import Store


def range_proof(  # noqa: PLR0913  # whose rows, which, and how many from which end
    store: "Store",
    loaded: LoadedContract,
    name: str,
    bounds: tuple[str, str],
    limit: int,
    *,
    reverse: bool = False,
) -> dict[str, Any]:
    """Return the rows from the first bound to the last, both included, at most ``limit``.

    Args:
        store: at the header under which it is proved.
        loaded: the contract.
        name: of its map.
        bounds: keys or first parts of keys as JSON; empty for the beginning and the end.
        limit: most rows.
        reverse: where there are more, the last instead of the first.

    Raises:
        Malformed: no such ordered map, or a bound of another type.
    """
    collection = loaded.collections.get(name)
    if not isinstance(collection, Ordered):
        raise Malformed(reason=f"{loaded.name} has no ordered map {name}", at="$.map")
    low, high = (_bound(collection, text) for text in bounds)
    high += AFTER
    prefix = name.encode("ascii") + b"\x00"
    cut: dict[str, Any] = {"next": None}
    if reverse:
        keys = store.tries.ordered(loaded.name, name).last_keys(low, high, limit + 1)
        if len(keys) > limit:
            previous = keys.pop(0)
            cut["previous"], low = to_text(previous), just_after(previous)
        values = [store.get(loaded.name, prefix + key) for key in keys]
    else:
        found = store.scan(loaded.name, prefix, prefix + low, limit + 1)
        rows = [(key, value) for key, value in found if key < prefix + high]
        if len(rows) > limit:
            high = rows.pop()[0][len(prefix) :]
            cut["next"] = to_text(high)
        values = [value for _, value in rows]
    path = store.tries.prove_range(loaded.name, name, low, high)
    return path_document(path.top) | {
        "entry": path_document(path.inner),
        "pages": [to_text(page) for page in path.pages],
        "values": [msgspec.Raw(value or b"") for value in values],
        **cut,
    }


def range_evidence(
    loaded: LoadedContract, name: str, bounds: tuple[str, str], proof: dict[str, Any]
) -> dict[str, Any]:
    """Return what an evidence file of a range has beside the certified header."""
    collection = loaded.collections[name]
    assert isinstance(collection, Ordered), "its range has been proved"
    first, last = (to_text(_bound(collection, text)) for text in bounds)
    return {"contract": loaded.name, "first": first, "last": last, "map": name, "range": proof}


def _bound(collection: Ordered[Any, Any], text: str) -> bytes:
    try:
        return collection.bound(msgspec.json.decode(text) if text else None)
    except (msgspec.DecodeError, ValueError) as error:
        raise Malformed(reason=str(error), at="?from_key, ?to_key") from None
