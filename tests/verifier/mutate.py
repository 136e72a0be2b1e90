# SPDX-License-Identifier: Apache-2.0
"""Forgeries of genuine evidence: one change each, the result always canonical JSON unless meant.

Shared by every test that holds a verifier against evidence, from whichever ledger it comes. A
mutant is a pair of a name, which tells what was done where, and the bytes of the file.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, permutations

from cryptography.hazmat.primitives.hashes import SM3, Hash

Mutant = tuple[str, bytes]
Path = tuple[str | int, ...]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class _Missing:
    """Stands for a field that is taken away."""


MISSING = _Missing()


def canon(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=True
    ).encode("utf-8", "surrogatepass")


def mutants(
    genuine: bytes, step: int = 1, repeated: int = 1, others: Iterable[bytes] = ()
) -> Iterator[Mutant]:
    """Yield the file with each field changed, taken away, doubled, reordered or added to.

    Of all those, every ``step``-th is made, the rest is not even built. Of changes to a part that
    one of the ``others`` has, too, byte for byte, only every ``repeated``-th of these.
    """
    root = json.loads(genuine)
    known = {(name, canon(part)) for other in others for name, part in json.loads(other).items()}
    again = {name for name, part in root.items() if (name, canon(part)) in known}
    count = 0
    for path, value in list(walk(root)):
        every = step * repeated if path and path[0] in again else step
        old = canon(value)
        made = [*changes(value), *type_changes(value)]
        if path and isinstance(path[-1], str):
            made.append(("field taken away", MISSING))
        for what, other in made:
            count += 1
            if count % every == 0 and (other is MISSING or canon(other) != old):
                yield f"{what} at {pointer(path)}", replaced(root, path, other)


def walk(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    yield path, value
    inner: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, item in inner:
        yield from walk(item, (*path, name))


def changes(value: object) -> list[tuple[str, object]]:
    """Return other values of the same type."""
    if isinstance(value, bool):
        return [("negated", not value)]
    if isinstance(value, int):
        near = [("one more", value + 1), ("one less", value - 1), ("zero", 0), ("minus", -value)]
        far = [("2^32 more", value + 2**32), ("2^53", 2**53), ("2^64 more", value + 2**64)]
        return near + far
    if isinstance(value, str):
        return list(text_changes(value))
    if isinstance(value, list):
        return list(list_changes(value))
    if isinstance(value, dict):
        added = [("unknown field", value | {name: None}) for name in ("x", "_", "v2")]
        renamed = [(f"{n} renamed", _rename(value, n, n.upper())) for n in value]
        return [*added, *renamed, ("no fields", {})]
    return []


def type_changes(value: object) -> list[tuple[str, object]]:
    """Return values of other types, the ones that Python takes for equal among them."""
    found: list[tuple[str, object]] = [("null", None), ("wrapped", [value])]
    if isinstance(value, int):
        found += [("float", float(value)), ("text", str(value)), ("flag", bool(value))]
        found += [("number", int(value))]
    if isinstance(value, str):
        found += [("array of characters", list(value[:100])), ("false", False)]
    if isinstance(value, list):
        found += [("object", {str(f"i{i}"): item for i, item in enumerate(value)})]
    return [*found, ("empty text", ""), ("empty array", []), ("empty object", {})]


def text_changes(text: str) -> Iterator[tuple[str, object]]:
    last = len(text) - 1
    for at in sorted({0, 1, last // 2, last - 1, last}):
        if 0 <= at <= last:
            place = ALPHABET.find(text[at])
            for step in (1, 32):
                yield (
                    f"character {at} moved by {step}",
                    _put(text, at, ALPHABET[(place + step) % 64]),
                )
            yield f"character {at} dropped", text[:at] + text[at + 1 :]
            yield f"character {at} doubled", text[: at + 1] + text[at:]
    for name, tail in (("=", "="), ("A", "A"), ("newline", "\n"), ("space", " "), ("nul", "\0")):
        yield f"{name} at the end", text + tail
    yield "space in front", " " + text
    yield "upper case", text.upper()
    yield "lower case", text.lower()
    yield "reversed", text[::-1]
    yield "standard alphabet", text.replace("-", "+").replace("_", "/")
    yield "look-alike", text.replace("a", "\u0430").replace("e", "\u0435")
    if "\n" in text:
        yield from line_changes(text)


def line_changes(text: str) -> Iterator[tuple[str, object]]:
    """Yield a note with its lines dropped, doubled, swapped, and respelt."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        yield f"line {at} dropped", "\n".join(lines[:at] + lines[at + 1 :])
        yield f"line {at} doubled", "\n".join([*lines[:at], line, *lines[at:]])
        for name, other in (
            ("CR", f"{line}\r"),
            ("+", f"+{line}"),
            ("0", f"0{line}"),
            ("space", f" {line}"),
        ):
            yield f"{name} with line {at}", "\n".join([*lines[:at], other, *lines[at + 1 :]])
        for place in range(len(line)):
            yield (
                f"line {at} character {place}",
                "\n".join(
                    [
                        *lines[:at],
                        _put(line, place, "B" if line[place] == "A" else "A"),
                        *lines[at + 1 :],
                    ]
                ),
            )
    for a, b in combinations(range(len(lines)), 2):
        swapped = lines.copy()
        swapped[a], swapped[b] = lines[b], lines[a]
        yield f"lines {a} and {b} swapped", "\n".join(swapped)
    yield "CRLF", text.replace("\n", "\r\n")


def list_changes(items: list[object]) -> Iterator[tuple[str, object]]:
    for at in sorted({0, 1, len(items) // 2, len(items) - 1}):
        if 0 <= at < len(items):
            yield f"element {at} dropped", items[:at] + items[at + 1 :]
            yield f"element {at} doubled", items[: at + 1] + items[at:]
            yield f"element {at} again at the end", [*items, items[at]]
            yield f"rotated by {at}", items[at:] + items[:at]
    if len(items) <= 4:
        for order in permutations(range(len(items))):
            yield f"order {order}", [items[at] for at in order]
    yield "reversed", items[::-1]
    yield "null at the end", [*items, None]


def splices(genuine: bytes, other: bytes) -> Iterator[Mutant]:
    """Yield the first file with each part of the second one in the place of its own."""
    root, source = json.loads(genuine), dict(walk(json.loads(other)))
    # another set of cosignatures under the very same header says the same
    same = all(source[(name,)] == root[name] for name in ("genesis", "header"))
    for path, value in list(walk(root)):
        if path not in source or (same and path[:1] == ("certificate",)):
            continue
        if canon(source[path]) != canon(value):
            yield f"spliced at {pointer(path)}", replaced(root, path, source[path])


def byte_changes(genuine: bytes, step: int = 1) -> Iterator[Mutant]:
    """Yield the file cut, and with single bytes flipped, dropped, doubled and put in."""
    for at in range(0, len(genuine), step):
        byte = genuine[at]
        yield f"cut at byte {at}", genuine[:at]
        yield f"byte {at} dropped", genuine[:at] + genuine[at + 1 :]
        yield f"space before byte {at}", genuine[:at] + b" " + genuine[at:]
        for bit in (0, 5, 7):
            flipped = bytes([byte ^ 1 << bit])
            yield f"bit {bit} of byte {at} flipped", genuine[:at] + flipped + genuine[at + 1 :]


def respellings(genuine: bytes) -> Iterator[Mutant]:
    """Yield other JSON texts of the same value: each is one encoding too many."""
    value, text = json.loads(genuine), genuine.decode()
    yield "indented", json.dumps(value, indent=1, sort_keys=True).encode()
    yield "spaced", json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
    yield "unsorted", json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()[::1]
    yield "mark in front", b"\xef\xbb\xbf" + genuine
    yield "two newlines", genuine + b"\n\n"
    yield "carriage return", genuine + b"\r\n"
    yield "trailing garbage", genuine + b"{}"
    yield "utf-16", text.encode("utf-16")
    yield "utf-32", text.encode("utf-32-le")
    for old, new in (
        ('"v":1', '"v":1.0'), ('"v":1', '"v":1e0'), ('"v":1', '"v":01'), ('"v":1', '"v":+1'),
        ('"v":1', '"v":1,"v":1'), ('"v":1', '"v":true'), ('"v":1', '"v":"1"'), ('"v":1', '"v":NaN'),
        ('"kind"', '"k\\u0069nd"'), ('"kind"', '"Kind"'), (":0,", ":-0,"), ("null", "None"),
    ):  # fmt: skip
        for at in range(text.count(old)):
            parts = text.split(old)
            changed = old.join(parts[: at + 1]) + new + old.join(parts[at + 1 :])
            yield f"{new} for {old}, number {at}", changed.encode()


def sealed(data: bytes) -> bytes | None:
    """Return a file with the digest of what it now says, as a forger makes it; else nothing."""
    try:
        value = json.loads(data)
        hash_ = {"sha256": _sha256, "sm3": _sm3}[value["genesis"]["hash"]]
        rest = {name: item for name, item in value.items() if name != "digest"}
        digest = hash_(b"hanse/evidence/1\0" + canon(rest))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return canon(rest | {"digest": base64.urlsafe_b64encode(digest).decode().rstrip("=")})


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sm3(data: bytes) -> bytes:
    context = Hash(SM3())
    context.update(data)
    return context.finalize()


def accepted(
    made: Iterable[Mutant], judge: Callable[[bytes], str], genuine: Iterable[bytes]
) -> tuple[int, list[str]]:
    """Return how many mutants were judged, and the names of those that passed for true.

    Each is judged as it is, where the digest speaks against it, and with its digest made anew,
    where everything else must.
    """
    known = {data.removesuffix(b"\n") for data in genuine}
    count, wrong = 0, []
    for name, data in made:
        if data.removesuffix(b"\n") in known:
            continue
        count += 1
        if judge(data) in ("valid", "withdrawn"):
            wrong.append(name)
        forged = sealed(data)
        if forged is None or forged in known:
            continue
        if judge(forged) in ("valid", "withdrawn") and not is_other_absence(forged, known):
            wrong.append(f"{name}, with another digest")
    return count, wrong


def is_other_absence(data: bytes, known: Iterable[bytes]) -> bool:
    """Tell whether only the name of what is absent differs: the same paths prove that, too.

    It is then another file, with a digest of its own, and what it states is true.
    """
    value = json.loads(data)
    if value["kind"] != "state" or "value" in value["state"]["entries"][0]:
        return False
    named = {name: value[name] for name in ("contract", "key", "digest")}
    states = [file for file in map(json.loads, known) if file["kind"] == "state"]
    return any(
        file["digest"] != value["digest"] and canon(file | named) == canon(value) for file in states
    )


def pointer(path: Path) -> str:
    return "/" + "/".join(map(str, path))


def replaced(root: object, path: Path, value: object) -> bytes:
    if not path:
        return canon(None if value is MISSING else value)
    tree = copy.copy(root)
    place = tree
    for name in path[:-1]:
        place[name] = copy.copy(place[name])
        place = place[name]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return canon(tree)


def _put(text: str, at: int, character: str) -> str:
    return text[:at] + character + text[at + 1 :]


def _rename(value: dict[str, object], old: str, new: str) -> dict[str, object]:
    return {new if name == old else name: item for name, item in value.items()}
