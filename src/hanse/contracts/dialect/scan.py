# SPDX-License-Identifier: Apache-2.0
"""What is looked at before any parser: size, letters, escapes, brackets.

One pass over the tokens that matter: comments, texts, brackets and what is between them.
"""

import re
from typing import Final

from hanse.codec.limits import SOURCE_BYTES_MAX, SOURCE_DEPTH_MAX
from hanse.contracts.dialect.finding import Report

_TOKEN: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<text>(?P<prefix>\b[A-Za-z]{1,2})?(?P<quote>\"\"\"|'''|"|'))
      | (?P<open>[(\[{]) | (?P<close>[)\]}])
      | (?P<control>[\r\0\f\v]) | (?P<letter>[^\x00-\x7f])""",
    re.VERBOSE,
)
_ENDS: Final = {
    quote: re.compile(rf"(?:[^\\]|\\.)*?{quote}", re.DOTALL) for quote in ('"""', "'''")
} | {quote: re.compile(rf"(?:[^\\\n{quote}]|\\.)*{quote}", re.DOTALL) for quote in ('"', "'")}
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = frozenset("\n\\'\"nrt0xNuU")
_BYTES_ESCAPES: Final = frozenset("\n\\'\"nrt0x")


def scan(text: str, report: Report) -> None:
    """Add to the report what is wrong with a file's text."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        report.add("D101", 1, 1, "the file is not made of Unicode scalar values")
        return
    if size > SOURCE_BYTES_MAX:
        report.add("D102", 1, 1, f"the file has {size} bytes; the limit is {SOURCE_BYTES_MAX}")
        return
    _tokens(text, report)


def _tokens(text: str, report: Report) -> None:
    depth = at = 0
    while not report.is_full and (found := _TOKEN.search(text, at)) is not None:
        at = found.end()
        kind = found.lastgroup
        if kind in ("quote", "text", "prefix"):
            end = _ENDS[found["quote"]].match(text, at)
            if end is None:
                _add(report, text, found.start(), "D101", "the text does not end")
                return
            _check_text(report, text, found, end)
            at = end.end()
        elif kind == "open":
            depth += 1
            if depth > SOURCE_DEPTH_MAX:
                _add(report, text, found.start(), "D104", "brackets nest too deep")
                return
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind == "control":
            _add(report, text, found.start(), "D101", "a control character stands in the code")
        elif kind == "letter":
            _add(report, text, found.start(), "D105", f"{found[0]!r} is not ASCII")


def _check_text(report: Report, text: str, found: re.Match[str], end: re.Match[str]) -> None:
    prefix = (found["prefix"] or "").lower()
    start, stop = end.start(), end.end() - len(found["quote"])
    body = text[start:stop]
    if "r" not in prefix:
        allowed = _BYTES_ESCAPES if "b" in prefix else _ESCAPES
        for escape in _ESCAPE.finditer(body):
            if report.is_full:
                return
            after = body[escape.end() : escape.end() + 1]
            if escape[1] not in allowed or (escape[1] == "0" and after.isdigit()):
                message = f"the escape \\{escape[1]} is not one of the dialect"
                _add(report, text, start + escape.start(), "D107", message)
    if "f" in prefix:
        _check_fields(report, text, start, stop)
    if "\r" in body or "\0" in body:
        _add(report, text, start, "D101", "a control character stands in a text")


def _check_fields(report: Report, text: str, start: int, stop: int) -> None:
    """Look at what stands in the braces of an f-string, as Python 3.11 reads it."""
    depth, at = 0, start
    while at < stop and not report.is_full:
        char = text[at]
        if depth == 0 and text[at : at + 2] in ("{{", "}}"):
            at += 2
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            depth = max(depth - 1, 0)
        elif depth and char in "\\#":
            _add(report, text, at, "D110", f"{char} stands in the braces of an f-string")
        elif depth and not char.isascii():
            _add(report, text, at, "D105", f"{char!r} in the braces of an f-string is not ASCII")
        at += 1
    if depth:
        _add(report, text, start, "D110")


def _add(report: Report, text: str, at: int, rule: str, message: str = "") -> None:
    line_start = text.rfind("\n", 0, at) + 1
    report.add(rule, text.count("\n", 0, line_start) + 1, at - line_start + 1, message)
