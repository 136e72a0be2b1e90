# SPDX-License-Identifier: Apache-2.0
"""Rules across the fields of one event.

Source: EPCIS 2.0 sections 7.4.1 (common), 7.4.2 to 7.4.6 (event types), 7.3.8 (sensor data); the
codes are listed in the order in which the standard has them.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from hanse.apps.trace.epcis.model import Layer
from hanse.apps.trace.epcis.times import parse_time_ms
from hanse.apps.trace.epcis.vocabulary import read_term


class Notebook(Protocol):
    """Where findings go."""

    binding: str

    def add(self, layer: Layer, at: str, code: str, message: str, *, fatal: bool = True) -> None:
        """Note one finding."""


def check_event(note: Notebook, name: str, event: Mapping[str, Any], at: str) -> None:
    """Note what the fields of ``event`` say against one another."""
    _times(note, event, at)
    _declaration(note, event, at)
    _quantities(note, event, at)
    _persistent(note, event, at)
    for number, element in enumerate(_listed(event, "sensorElementList")):
        _sensor(note, element, f"{at}/sensorElementList/{number}")
    rule = _BY_TYPE.get(name)
    if rule is not None:
        rule(note, event, at)


def _listed(event: Mapping[str, Any], key: str) -> list[Any]:
    value = event.get(key)
    return value if isinstance(value, list) else []


def _moment(value: Any) -> int | None:
    return parse_time_ms(value) if isinstance(value, str) else None


def _times(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    happened, recorded = _moment(event.get("eventTime")), _moment(event.get("recordTime"))
    if happened is not None and recorded is not None and recorded < happened:
        text = "the event was recorded before it happened"
        note.add("rules", f"{at}/recordTime", "recorded_too_early", text, fatal=False)


def _declaration(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    declared = event.get("errorDeclaration")
    if not isinstance(declared, dict):
        return
    reason = declared.get("reason")
    word = read_term("errorReason", reason).word if isinstance(reason, str) else ""
    if word == "did_not_occur" and declared.get("correctiveEventIDs"):
        text = "an event that did not occur has no corrected form"
        place = f"{at}/errorDeclaration/correctiveEventIDs"
        note.add("rules", place, "corrected_non_event", text, fatal=False)
    happened, said = _moment(event.get("eventTime")), _moment(declared.get("declarationTime"))
    if happened is not None and said is not None and said < happened:
        text = "the error was declared before the event happened"
        place = f"{at}/errorDeclaration/declarationTime"
        note.add("rules", place, "declared_too_early", text, fatal=False)


_QUANTITY_LISTS: Final = (
    "quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"
)  # fmt: skip


def _quantities(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    for key in _QUANTITY_LISTS:
        for number, item in enumerate(_listed(event, key)):
            if not isinstance(item, dict):
                continue
            place, amount = f"{at}/{key}/{number}", item.get("quantity")
            if "uom" in item and "quantity" not in item:
                text = "a unit stands without a quantity"
                fatal = note.binding == "xml-2.0"  # there by the sequence of the schema
                note.add("rules", f"{place}/uom", "unit_without_quantity", text, fatal=fatal)
            if isinstance(amount, (int, float)) and not isinstance(amount, bool):
                _amount(note, amount, place, counted="uom" not in item)


def _amount(note: Notebook, amount: float, place: str, *, counted: bool) -> None:
    if amount < 0:
        text = "a quantity is not negative"
        note.add("rules", f"{place}/quantity", "negative_quantity", text, fatal=False)
    elif counted and amount != int(amount):
        text = "a quantity without unit counts whole objects"
        note.add("rules", f"{place}/quantity", "fraction_of_an_object", text, fatal=False)


def _persistent(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    value = event.get("persistentDisposition")
    if not isinstance(value, dict):
        return
    place = f"{at}/persistentDisposition"
    if "set" not in value and "unset" not in value:
        note.add("schema", place, "missing_field", "persistentDisposition lacks set and unset")
    words = [
        {read_term("disposition", v).word for v in _listed(value, key) if isinstance(v, str)}
        for key in ("set", "unset")
    ]
    both = words[0] & words[1]
    if both:
        text = f"{min(both)} is set and unset at once"
        note.add("rules", place, "set_and_unset", text)


def _sensor(note: Notebook, element: Any, at: str) -> None:
    if not isinstance(element, dict):
        return
    meta = element.get("sensorMetadata")
    if isinstance(meta, dict):
        start, end = _moment(meta.get("startTime")), _moment(meta.get("endTime"))
        if start is not None and end is not None and end < start:
            text = "the measurement ends before it starts"
            note.add("rules", f"{at}/sensorMetadata/endTime", "ends_too_early", text, fatal=False)
    for number, report in enumerate(_listed(element, "sensorReport")):
        if not isinstance(report, dict):
            continue
        place = f"{at}/sensorReport/{number}"
        # two published good files leave it out, so this does not refuse (APPS section 5)
        if "type" not in report:
            text = "sensorReport lacks type"
            note.add("schema", place, "sensor_report_without_type", text, fatal=False)
        low, high = report.get("minValue"), report.get("maxValue")
        numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
        if numbers and low > high:  # type: ignore[operator]  # both are numbers here
            text = "the least value is above the greatest"
            note.add("rules", f"{place}/minValue", "least_above_greatest", text, fatal=False)


def _object(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    epcs, quantities = event.get("epcList"), _listed(event, "quantityList")
    sensors = _listed(event, "sensorElementList")
    if not epcs and not quantities and not sensors:
        text = "an ObjectEvent names objects: in epcList, quantityList or sensorElementList"
        # an empty epcList is how some systems write "none": XML 1.2 demands the element
        note.add("rules", at, "no_objects", text, fatal=epcs is None)
    elif epcs is None and not quantities and "readPoint" not in event:
        text = "sensor data without objects needs a readPoint"
        note.add("rules", at, "sensor_data_without_place", text, fatal=note.binding == "json")
    if "ilmd" in event and event.get("action") in ("OBSERVE", "DELETE"):
        text = "master data of instances and lots is given when they are added"
        fatal = note.binding != "xml-1.2"  # a published good 1.2 example does it
        note.add("rules", f"{at}/ilmd", "ilmd_without_add", text, fatal=fatal)


def _group(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    action = event.get("action")
    if action in ("ADD", "DELETE") and "parentID" not in event:
        text = f"parentID is required with {action}"
        note.add("rules", at, "parent_missing", text)
    children = _listed(event, "childEPCs") or _listed(event, "childQuantityList")
    if action in ("ADD", "OBSERVE") and not children:
        text = f"childEPCs or childQuantityList is required with {action}"
        empty = "childEPCs" in event and note.binding == "xml-1.2"
        note.add("rules", at, "children_missing", text, fatal=not empty)


def _transaction(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    if event.get("action") == "DELETE" or "epcList" in event or _listed(event, "quantityList"):
        return
    text = "a TransactionEvent names objects: in epcList or quantityList"
    fatal = "parentID" not in event or note.binding == "json"
    note.add("rules", at, "no_objects", text, fatal=fatal)


def _transformation(note: Notebook, event: Mapping[str, Any], at: str) -> None:
    put_in = _listed(event, "inputEPCList") or _listed(event, "inputQuantityList")
    got_out = _listed(event, "outputEPCList") or _listed(event, "outputQuantityList")
    if put_in and got_out:
        return
    if "transformationID" not in event:
        text = "inputs and outputs are both required where no transformationID joins events"
        note.add("rules", at, "half_a_transformation", text)
    elif not put_in and not got_out:
        note.add("rules", at, "no_objects", "a TransformationEvent names inputs or outputs")


_BY_TYPE: Final = {
    "ObjectEvent": _object,
    "AggregationEvent": _group,
    "AssociationEvent": _group,
    "TransactionEvent": _transaction,
    "TransformationEvent": _transformation,
}
