# SPDX-License-Identifier: Apache-2.0
"""A small XML reader that cannot be talked into anything.

A document type declaration with content stops it: no entity is ever defined, let alone expanded or
fetched. An empty one, as some published examples have, says nothing and is passed over. Depth and
size are bounded, and nothing but the given bytes is read. The reader keeps what the rest of this
package needs and others drop: prefixes, the namespaces in scope, and mixed content.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from hanse.apps.trace.epcis.model import DEPTH_MAX, LimitExceeded

XML_NS: Final = "http://www.w3.org/XML/1998/namespace"
XSI_NS: Final = "http://www.w3.org/2001/XMLSchema-instance"
_SEPARATOR: Final = "\x1f"  # cannot occur in an XML 1.0 document


class NotWellFormed(Exception):  # never leaves this package: it becomes a finding
    """The bytes are no XML document."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; ``namespace`` is empty where it has no prefix."""

    namespace: str
    name: str
    prefix: str
    value: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """A processing instruction, kept for the canonical form only."""

    text: str


class Element:
    """One element: its name, attributes, content, and the namespaces in scope at it."""

    __slots__ = (
        "_places", "after", "attributes", "before", "children", "content", "has_doctype", "name",
        "namespace", "parent", "prefix", "scope",
    )  # fmt: skip

    def __init__(self, full_name: str, parent: "Element | None", scope: Mapping[str, str]) -> None:
        self.namespace, self.name, self.prefix = _parts(full_name)
        self.parent = parent
        self.scope = scope
        self.attributes: tuple[Attribute, ...] = ()
        self.content: list[Element | Instruction | str] = []
        self.children: list[Element] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self._places: dict[int, tuple[int, int]] | None = None
        self.has_doctype = False  # of the document, at its root

    @property
    def text(self) -> str:
        """The character data directly inside, without the white space around it."""
        if len(self.content) == 1 and isinstance(self.content[0], str):
            return self.content[0].strip()
        return "".join(part for part in self.content if isinstance(part, str)).strip()

    @property
    def label(self) -> str:
        """The name as written, with its prefix."""
        return f"{self.prefix}:{self.name}" if self.prefix else self.name

    @property
    def key(self) -> str:
        """The name with its namespace in braces, or the bare name."""
        return f"{{{self.namespace}}}{self.name}" if self.namespace else self.name

    def get(self, name: str) -> str | None:
        """Return the value of the attribute ``name`` that has no namespace."""
        for attribute in self.attributes:
            if attribute.name == name and not attribute.namespace:
                return attribute.value
        return None

    def find(self, name: str) -> "Element | None":
        """Return the first child of this name, whatever its namespace."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def walk(self) -> "Iterator[Element]":
        """Yield this element and all below it, in document order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))

    def places(self) -> dict[int, tuple[int, int]]:
        """Return, by identity, the place of each child among its namesakes and their number."""
        if self._places is None:
            totals = Counter(child.label for child in self.children)
            seen: Counter[str] = Counter()
            self._places = {}
            for child in self.children:
                seen[child.label] += 1
                self._places[id(child)] = (seen[child.label], totals[child.label])
        return self._places

    def path(self) -> str:
        """Return the XPath of this element from the root, with positions among namesakes."""
        steps: list[str] = []
        element: Element | None = self
        while element is not None:
            step = element.label
            if element.parent is not None:
                place, total = element.parent.places()[id(element)]
                step += f"[{place}]" if total > 1 else ""
            steps.append(step)
            element = element.parent
        return "/" + "/".join(reversed(steps))


def _parts(full_name: str) -> tuple[str, str, str]:
    pieces = full_name.split(_SEPARATOR)
    if len(pieces) == 1:
        return "", pieces[0], ""
    return pieces[0], pieces[1], pieces[2] if len(pieces) > 2 else ""


class _Reader:
    """The state of one reading: open elements and declarations waiting for their element."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.open: list[Element] = []
        self.declared: dict[str, str] = {}
        self.before: list[str] = []
        self.doctypes = 0

    def declare(self, prefix: str | None, uri: str | None) -> None:
        self.declared[prefix or ""] = uri or ""

    def start(self, name: str, attributes: list[str]) -> None:
        if len(self.open) >= DEPTH_MAX:
            raise LimitExceeded("too_deep", f"elements are nested more than {DEPTH_MAX} deep")
        parent = self.open[-1] if self.open else None
        scope: Mapping[str, str] = parent.scope if parent else {"xml": XML_NS}
        if self.declared:
            scope = {**scope, **self.declared}
            self.declared = {}
        element = Element(name, parent, scope)
        if attributes:
            pairs = zip(attributes[::2], attributes[1::2], strict=True)
            element.attributes = tuple(Attribute(*_parts(n), v) for n, v in pairs)
        if parent is None:
            self.root = element
            element.before = self.before
        else:
            parent.children.append(element)
            parent.content.append(element)
        self.open.append(element)

    def end(self, _name: str) -> None:
        self.open.pop()

    def text(self, data: str) -> None:
        if self.open:
            self.open[-1].content.append(data)

    def instruction(self, target: str, data: str) -> None:
        text = f"<?{target} {data}?>" if data else f"<?{target}?>"
        if self.open:
            self.open[-1].content.append(Instruction(text))
        elif self.root is None:
            self.before.append(text)
        else:
            self.root.after.append(text)

    def doctype(self, _name: str, system: str | None, public: str | None, subset: int) -> None:
        if system is not None or public is not None or subset:
            text = "a document type declaration that declares or names something"
            raise LimitExceeded("doctype_not_allowed", text)
        self.doctypes += 1


def parse_xml(document: bytes) -> Element:
    """Return the root of ``document``.

    Raises:
        NotWellFormed: no XML, or a prefix without declaration.
        LimitExceeded: a document type declaration, or too deep.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.namespace_prefixes = True
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartNamespaceDeclHandler = reader.declare
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.ProcessingInstructionHandler = reader.instruction
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise NotWellFormed(str(error)) from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know
        raise NotWellFormed(str(error)) from error
    assert reader.root is not None  # expat refuses an empty document
    reader.root.has_doctype = reader.doctypes > 0
    return reader.root
