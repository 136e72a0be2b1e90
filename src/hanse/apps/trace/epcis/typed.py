# SPDX-License-Identifier: Apache-2.0
"""From an accepted event to the typed one that the contract reads."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from hanse.apps.trace.epcis.gs1 import BadIdentifier, normalise_id
from hanse.apps.trace.epcis.hashing import RawEvent, event_hash
from hanse.apps.trace.epcis.model import Event, Party, Quantity
from hanse.apps.trace.epcis.times import parse_time_ms
from hanse.apps.trace.epcis.vocabulary import expand_curie, read_term

# Where the lot number and the last day of use stand in ilmd, by local name in CBV's mda namespace.
_LOT_NAMES: Final = ("lotNumber",)
_EXPIRY_NAMES: Final = ("itemExpirationDate", "bestBeforeDate", "sellByDate")


def build_event(raw: RawEvent, index: int) -> Event:
    """Return the typed form of an event that passed the check without fatal finding."""
    tree, read = raw.tree, _Reader(raw)
    at = parse_time_ms(str(tree.get("eventTime", "")))
    declared = tree.get("errorDeclaration")
    declared = declared if isinstance(declared, Mapping) else None
    persistent = tree.get("persistentDisposition")
    persistent = persistent if isinstance(persistent, Mapping) else {}
    return Event(
        hash=event_hash(raw),
        type=str(tree.get("type", "")),
        action=str(tree.get("action", "")),
        time_ms=0 if at is None else at,
        time_zone_offset=str(tree.get("eventTimeZoneOffset", "")),
        index=index,
        pointer=raw.pointer,
        event_id=str(tree.get("eventID", "")),
        biz_step=read.word("bizStep", tree.get("bizStep")),
        disposition=read.word("disposition", tree.get("disposition")),
        persistent_set=read.words("disposition", persistent.get("set")),
        persistent_unset=read.words("disposition", persistent.get("unset")),
        read_point=read.place("readPoint"),
        biz_location=read.place("bizLocation"),
        parent=read.identifier(tree.get("parentID")),
        epcs=read.identifiers("epcList"),
        children=read.identifiers("childEPCs"),
        inputs=read.identifiers("inputEPCList"),
        outputs=read.identifiers("outputEPCList"),
        quantities=read.quantities("quantityList"),
        child_quantities=read.quantities("childQuantityList"),
        input_quantities=read.quantities("inputQuantityList"),
        output_quantities=read.quantities("outputQuantityList"),
        sources=read.parties("sourceList", "source", "sourceDestType"),
        destinations=read.parties("destinationList", "destination", "sourceDestType"),
        transactions=read.parties("bizTransactionList", "bizTransaction", "bizTransactionType"),
        transformation_id=read.identifier(tree.get("transformationID")),
        lot=read.master_data(_LOT_NAMES),
        expiry=read.master_data(_EXPIRY_NAMES),
        corrects=tuple(map(str, (declared or {}).get("correctiveEventIDs") or ())),
        error_declared_ms=(
            None if declared is None else parse_time_ms(str(declared.get("declarationTime", "")))
        ),
    )


class _Reader:
    """Reads the parts of one event."""

    def __init__(self, raw: RawEvent) -> None:
        self.raw = raw
        self.tree = raw.tree

    def identifier(self, value: Any) -> str:
        if not isinstance(value, str):
            return ""
        text = expand_curie(value, self.raw.prefixes)
        try:
            return normalise_id(text)
        except BadIdentifier:  # not reached for a checked document
            return text

    def identifiers(self, key: str) -> tuple[str, ...]:
        """Return the identifiers of a list, sorted, each once."""
        value = self.tree.get(key)
        found = {self.identifier(v) for v in value} if isinstance(value, list) else set()
        return tuple(sorted(found))

    def place(self, key: str) -> str:
        value = self.tree.get(key)
        return self.identifier(value.get("id")) if isinstance(value, Mapping) else ""

    def word(self, kind: str, value: Any) -> str:
        if not isinstance(value, str):
            return ""
        term = read_term(kind, value)
        return expand_curie(value, self.raw.prefixes) if term.standing == "own" else term.word

    def words(self, kind: str, value: Any) -> tuple[str, ...]:
        found = {self.word(kind, v) for v in value} if isinstance(value, list) else set()
        return tuple(sorted(found))

    def quantities(self, key: str) -> tuple[Quantity, ...]:
        value = self.tree.get(key)
        items = [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []
        found = [self._quantity(item) for item in items]
        return tuple(sorted(found, key=lambda q: (q.epc_class, q.unit, q.amount_thousandths or 0)))

    def _quantity(self, item: Mapping[str, Any]) -> Quantity:
        epc_class, unit = self.identifier(item.get("epcClass")), str(item.get("uom", ""))
        amount = item.get("quantity")
        if isinstance(amount, bool) or not isinstance(amount, (int, float)):
            return Quantity(epc_class, None, unit)
        exact = Decimal(str(amount)).scaleb(3)
        rounded = exact.to_integral_value(ROUND_HALF_EVEN)
        return Quantity(epc_class, int(rounded), unit, exact == rounded)

    def parties(self, key: str, name: str, kind: str) -> tuple[Party, ...]:
        value = self.tree.get(key)
        items = [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []
        found = {
            Party(self.word(kind, item.get("type")), self.identifier(item.get(name)))
            for item in items
        }
        return tuple(sorted(found, key=lambda p: (p.type, p.id)))

    def master_data(self, names: tuple[str, ...]) -> str:
        """Return the first of the named fields of ilmd, whatever its prefix."""
        ilmd = self.tree.get("ilmd")
        if not isinstance(ilmd, Mapping):
            return ""
        for name in names:
            for key, value in ilmd.items():
                local = key.rpartition("}")[2].rpartition(":")[2].rpartition("#")[2]
                if local == name and isinstance(value, (str, int)):
                    return str(value).strip()
        return ""
