# SPDX-License-Identifier: Apache-2.0
"""Values against their kind: the engine that reads :mod:`tables` and yields findings.

One walk over a document applies five of the seven layers at once, because they meet at the same
value: its form (schema), its text (formats), its word (vocabulary), its name (namespaces) and its
check digit. The rules across the fields of an event are in :mod:`crossrules`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hanse.apps.trace.epcis.crossrules import check_event
from hanse.apps.trace.epcis.gs1 import BadIdentifier, find_gs1_id
from hanse.apps.trace.epcis.model import FINDINGS_MAX, LAYERS, Finding, Layer
from hanse.apps.trace.epcis.tables import ACTIONS, EVENT_TYPES, SHAPES, Shape
from hanse.apps.trace.epcis.times import OFFSET, parse_time_ms
from hanse.apps.trace.epcis.vocabulary import DEFAULT_PREFIXES, expand_curie, read_term

URI: Final = re.compile(r'[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>"{}|\\^`\x00-\x1f]+')
_UOM: Final = re.compile(r"[A-Z0-9]{2,3}")
_HEX: Final = re.compile(r"[A-Fa-f0-9]+")
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
OLD_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"
    r"(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
OPEN_OBJECTS: Final = frozenset(
    {"body", "master data", "vocabulary", "vocabularyElement", "attribute"}
)
OPEN_VOCABULARIES: Final = frozenset({"measurementType", "sensorAlertType", "component"})
CONTEXTS: Final = ("https://ref.gs1.org/standards/epcis/", "https://gs1.github.io/EPCIS/",
                   "https://ref.gs1.org/epcis/", "http://ref.gs1.org/standards/epcis/")  # fmt: skip


def escape(token: str) -> str:
    """Return ``token`` as a reference token of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


class Checker:
    """One check of one document: what is declared in it, and what was found."""

    def __init__(self, binding: str) -> None:
        self.binding = binding  # "json", "xml-2.0" or "xml-1.2"
        self.prefixes: dict[str, str] = dict(DEFAULT_PREFIXES)
        self.terms: frozenset[str] = frozenset()
        self.findings: list[Finding] = []
        self.events: list[tuple[str, dict[str, Any], Mapping[str, str]]] = []

    def add(self, layer: Layer, at: str, code: str, message: str, *, fatal: bool = True) -> None:
        """Note one finding; beyond the limit only the fact that there are more."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(layer, at, code, message, fatal))
        elif len(self.findings) == FINDINGS_MAX:
            text = f"more than {FINDINGS_MAX} findings: the rest is not listed"
            self.findings.append(Finding("limits", "", "too_many_findings", text, fatal=True))

    @property
    def ordered(self) -> tuple[Finding, ...]:
        """The findings by layer; within a layer as they stand in the document."""
        return tuple(sorted(self.findings, key=lambda f: LAYERS.index(f.layer)))

    @property
    def is_json(self) -> bool:
        """Whether the JSON binding applies."""
        return self.binding == "json"

    def value(self, kind: str, value: Any, at: str) -> None:
        """Check ``value`` against ``kind`` of the tables."""
        head, _, rest = kind.partition(" ")
        if kind in SHAPES:
            self.object(SHAPES[kind], value, at, kind)
        elif head.rstrip("+") in {"list", "set"}:
            self._list(head, rest, value, at)
        elif head == "term":
            self._term(rest, value, at)
        else:
            _CHECKS[kind](self, value, at)

    def object(self, shape: Shape, value: Any, at: str, name: str) -> None:
        """Check an object against its shape."""
        if not isinstance(value, dict):
            self.add("schema", at, "wrong_type", f"{name} is an object")
            return
        fields = shape.fields
        if not at and "@context" in value:  # before all others, wherever it stands
            self.context(value["@context"], "/@context")
        for key, item in value.items():
            kind = fields.get(key)
            if kind is not None:
                self.value(kind, item, f"{at}/{key}")
            else:
                self._other_field(shape, key, item, at, name)
        for key in shape.required:
            if key not in value:
                self.add("schema", at, "missing_field", f"{name} lacks {key}")

    def _other_field(self, shape: Shape, key: str, item: Any, at: str, name: str) -> None:
        """Judge a field that the shape does not name."""
        at = f"{at}/{escape(key)}"
        if not shape.extensible:
            self.add("schema", at, "unknown_field", f"{name} has no field {key}")
            return
        if not self.is_known_name(key, at):
            of_others = any(key in SHAPES[event].fields for event in EVENT_TYPES)
            code, layer = ("unknown_field", "schema")
            if of_others:
                code = "field_not_allowed"
            elif name == "ilmd":
                code, layer = ("name_without_namespace", "namespaces")
            text = f"{key} is no field of {name}, and names of others carry a namespace"
            # the schema leaves these objects open to any name
            fatal = name not in OPEN_OBJECTS
            self.add(layer, at, code, text, fatal=fatal)  # type: ignore[arg-type]  # are layers
        self.inner_names(item, at)

    def is_known_name(self, key: str, at: str) -> bool:
        """Tell whether ``key`` has a namespace; one nobody declared is noted."""
        if not self.is_json or key.startswith(("@", "{")) or key in self.terms:
            return True
        prefix, colon, rest = key.partition(":")
        if not colon or not prefix or not rest:
            return False
        if prefix not in self.prefixes and not rest.startswith("//") and prefix != "urn":
            text = f"the prefix {prefix} is not declared in the context"
            self.add("namespaces", at, "undeclared_prefix", text, fatal=False)
        return True

    def inner_names(self, value: Any, at: str) -> None:
        """Note names without namespace inside user extensions."""
        if not self.is_json or not isinstance(value, (dict, list)):
            return
        waiting: list[tuple[Any, str]] = [(value, at)]
        while waiting:
            item, place = waiting.pop()
            if isinstance(item, list):
                waiting.extend((inner, f"{place}/{i}") for i, inner in enumerate(item))
            elif isinstance(item, dict):
                for key, inner in item.items():
                    where = f"{place}/{escape(key)}"
                    if not self.is_known_name(key, where):
                        text = f"{key} has no namespace"
                        code = "name_without_namespace"
                        self.add("namespaces", where, code, text, fatal=False)
                    waiting.append((inner, where))

    def _list(self, head: str, kind: str, value: Any, at: str) -> None:
        if not isinstance(value, list):
            self.add("schema", at, "wrong_type", "a list is expected")
            return
        if not value and head.endswith("+"):
            self.add("schema", at, "empty_list", "the list holds at least one item")
        for number, item in enumerate(value):
            self.value(kind, item, f"{at}/{number}")
        if head.startswith("set") and len(value) > 1:
            texts = [item for item in value if isinstance(item, str)]
            if len(set(texts)) != len(texts):
                text = "the same value stands twice in the list"
                self.add("schema", at, "duplicate_item", text, fatal=self.is_json)

    def _term(self, name: str, value: Any, at: str) -> None:
        """Check a word of vocabulary ``name``."""
        if not isinstance(value, str):
            self.add("schema", at, "wrong_type", f"{name} is a text")
            return
        term = read_term(name, value)
        if term.standing == "known":
            self._written(name, term.written, value, at)
        elif term.standing in {"unknown", "bare"}:
            text = f"{value:.80} is no word of the vocabulary {name}"
            # words of measurement are an open list: published good files use older ones
            fatal = name not in OPEN_VOCABULARIES or term.written == "urn"
            self.add("vocabulary", at, "unknown_term", text, fatal=fatal)
        elif term.standing == "older" and self.binding != "xml-1.2":
            text = f"{value} was dropped from the vocabulary"
            self.add("vocabulary", at, "dropped_term", text, fatal=False)
        elif term.standing == "foreign":
            self._written(name, term.written, value, at)
            text = f"{value} lies in GS1's namespace but is no word of {name}"
            self.add("vocabulary", at, "foreign_term", text, fatal=False)
        elif term.standing == "own":
            self.uri(value, at)

    def _written(self, name: str, written: str, value: str, at: str) -> None:
        """Judge how a GS1 word is written: JSON wants it bare, XML as a URI."""
        if not self.is_json:
            if written == "word":
                text = f"XML writes {value} as a URI"
                self.add("vocabulary", at, "bare_term_in_xml", text, fatal=False)
            return
        full = written == "web" and name in {"measurementType", "sensorAlertType"}
        older = written == "web" and "://ns.gs1.org/" in value
        if written == "urn" or full or older:
            text = f"JSON writes this word bare, not as {value}"
            self.add("vocabulary", at, "not_a_bare_word", text)

    def text(self, value: Any, at: str) -> bool:
        """Tell whether ``value`` is a text; note it where not."""
        if isinstance(value, str):
            return True
        self.add("schema", at, "wrong_type", "a text is expected")
        return False

    def uri(self, value: Any, at: str) -> None:
        """Check a URI."""
        if self.text(value, at) and URI.fullmatch(value) is None:
            text = f"{value!r:.80} is not a URI"
            # XML's anyURI admits any text, and a published good file makes use of that
            self.add("formats", at, "not_a_uri", text, fatal=self.is_json)

    def identifier(self, value: Any, at: str) -> None:
        """Check a URI that may be a GS1 key."""
        if not self.text(value, at):
            return
        if URI.fullmatch(value) is None:
            self.add("formats", at, "not_a_uri", f"{value!r:.80} is not a URI")
            return
        try:
            found = find_gs1_id(value)
        except BadIdentifier as error:
            self.add("formats", at, "bad_identifier", f"{value:.80}: {error.reason}")
            return
        if found is not None and not found.check_digit_ok:
            text = f"the check digit of {found.key} is wrong"
            self.add("check_digits", at, "wrong_check_digit", text, fatal=False)

    def time(self, value: Any, at: str) -> None:
        """Check a moment in time."""
        if not self.text(value, at) or parse_time_ms(value) is not None:
            return
        if self.binding == "xml-1.2" and OLD_TIME.fullmatch(value):
            text = f"{value} lacks seconds or time zone, as some published 1.2 examples do"
            self.add("formats", at, "incomplete_time", text, fatal=False)
            return
        text = f"{value!r:.60} is not a date and time with a time zone"
        self.add("formats", at, "bad_time", text)

    def context(self, value: Any, at: str) -> None:
        """Check a JSON-LD context and take up what it declares."""
        names: list[str] = []
        if isinstance(value, list) and any(item in value[:i] for i, item in enumerate(value)):
            self.add("schema", at, "duplicate_item", "the same context stands twice in the list")
        for number, item in enumerate(value if isinstance(value, list) else [value]):
            where = f"{at}/{number}" if isinstance(value, list) else at
            if isinstance(item, str):
                names.append(item)
                self.uri(item, where)
            elif isinstance(item, dict):
                self._declare(item)
            else:
                self.add("schema", where, "wrong_type", "a context is a URI or an object")
        if at == "/@context" and not any(name.startswith(CONTEXTS) for name in names):
            text = "no EPCIS context of GS1 is named"
            self.add("namespaces", at, "no_epcis_context", text, fatal=False)

    def _declare(self, context: Mapping[str, Any]) -> None:
        for key, meaning in context.items():
            if isinstance(meaning, dict):
                meaning = meaning.get("@id")  # noqa: PLW2901  # an expanded term definition
            if isinstance(meaning, str):
                if meaning.endswith(("/", "#", ":", "?")) or ":" in meaning:
                    self.prefixes = {**self.prefixes, key: expand_curie(meaning, self.prefixes)}
                self.terms |= {key}

    def event(self, value: Any, at: str) -> None:
        """Check one event, with the declarations that it makes for itself alone."""
        if not isinstance(value, dict):
            self.add("schema", at, "wrong_type", "an event is an object")
            return
        prefixes, terms = self.prefixes, self.terms
        if at and "@context" in value:
            self.context(value["@context"], f"{at}/@context")
        name = value.get("type")
        if not isinstance(name, str):
            self.add("schema", at, "missing_field", "an event has a type")
        elif name in SHAPES and (name in EVENT_TYPES or self.binding == "xml-1.2"):
            self.object(SHAPES[name], value, at, name)
            check_event(self, name, value, at)
        elif ":" in name and URI.fullmatch(name):
            text = f"{name} is an event type of another organisation: its fields are not checked"
            self.add("schema", f"{at}/type", "foreign_event_type", text, fatal=False)
            self._foreign_event(value, at)
        else:
            text = f"{name!r:.60} is no event type of EPCIS"
            self.add("schema", f"{at}/type", "unknown_event_type", text)
        self.events.append((at, value, self.prefixes))
        self.prefixes, self.terms = prefixes, terms

    def _foreign_event(self, value: dict[str, Any], at: str) -> None:
        common = SHAPES["ObjectEvent"].fields
        for key in ("eventTime", "recordTime", "eventTimeZoneOffset", "eventID",
                    "certificationInfo", "errorDeclaration"):  # fmt: skip
            if key in value:
                self.value(common[key], value[key], f"{at}/{key}")
        for key in ("eventTime", "eventTimeZoneOffset"):
            if key not in value:
                self.add("schema", at, "missing_field", f"an event lacks {key}")

    def event_list(self, value: Any, at: str) -> None:
        """Check a list of events."""
        if not isinstance(value, list):
            self.add("schema", at, "wrong_type", "a list is expected")
            return
        for number, item in enumerate(value):
            self.event(item, f"{at}/{number}")


def _number(check: Checker, value: Any, at: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        check.add("schema", at, "wrong_type", "a number is expected")
    elif not math.isfinite(value):
        check.add("limits", at, "number_too_large", "the number has no finite value")


def _pattern(form: re.Pattern[str], layer: Layer, code: str, words: str) -> "Check":
    def check_text(check: Checker, value: Any, at: str) -> None:
        if check.text(value, at) and form.fullmatch(value) is None:
            check.add(layer, at, code, f"{value!r:.60} is not {words}")

    return check_text


def _action(check: Checker, value: Any, at: str) -> None:
    if check.text(value, at) and value not in ACTIONS:
        check.add("schema", at, "unknown_action", f"{value!r:.60} is not ADD, OBSERVE or DELETE")


def _boolean(check: Checker, value: Any, at: str) -> None:
    if not isinstance(value, bool):
        check.add("schema", at, "wrong_type", "true or false is expected")


def _uris(check: Checker, value: Any, at: str) -> None:
    if isinstance(value, list):
        for number, item in enumerate(value):
            check.uri(item, f"{at}/{number}")
    else:
        check.uri(value, at)


def _string(check: Checker, value: Any, at: str) -> None:
    check.text(value, at)


def _any(check: Checker, value: Any, at: str) -> None:
    check.inner_names(value, at)


_ILMD: Final = Shape({}, extensible=True)

Check = Callable[[Checker, Any, str], None]
_CHECKS: Final[dict[str, Check]] = {
    "uri": Checker.uri,
    "id": Checker.identifier,
    "time": Checker.time,
    "context": lambda _check, _value, _at: None,  # taken up by object() and event()
    "event type": _string,
    "events": Checker.event_list,
    "offset": _pattern(OFFSET, "formats", "bad_time_zone", "an offset such as +02:00"),
    "uom": _pattern(_UOM, "formats", "bad_unit", "a unit code of two or three characters"),
    "hex": _pattern(_HEX, "formats", "bad_hex", "hexadecimal"),
    "version": _pattern(_VERSION, "formats", "bad_version", "a version such as 2.0"),
    "number": _number,
    "action": _action,
    "boolean": _boolean,
    "uris": _uris,
    "string": _string,
    "any": _any,
    "ilmd": lambda check, value, at: check.object(_ILMD, value, at, "ilmd"),
}


def all_kinds() -> Iterator[str]:
    """Yield every kind that the tables use, for the test that each can be checked."""
    for shape in SHAPES.values():
        for kind in shape.fields.values():
            head, _, rest = kind.partition(" ")
            yield rest if head.rstrip("+") in {"list", "set"} else kind
