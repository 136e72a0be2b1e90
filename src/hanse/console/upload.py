# SPDX-License-Identifier: Apache-2.0
"""Form bodies: url-encoded and multipart, bounded, the bytes of files exactly as they were sent."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from hanse.errors import Malformed, TooLarge

FIELDS_MAX: Final = 1_000  # fields of one form
PART_HEADER_BYTES_MAX: Final = 4_096  # bytes of the headers of one part
_BOUNDARY = re.compile(r'boundary="?([A-Za-z0-9\'()+_,./:=? -]{1,70})"?')
_NAME = re.compile(r'\bname="([^"\r\n]*)"')
_FILE_NAME = re.compile(r'\bfilename="([^"\r\n]*)"')
_TYPE = re.compile(r"^content-type:\s*([\w.+/-]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file: its exact bytes, and what the browser says that it is."""

    name: str
    media_type: str
    data: bytes


@dataclass(slots=True)
class Form:
    """The fields and files of one submitted form."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a field."""
        return self.fields.get(name, [default])[0]

    def add(self, name: str, value: str) -> None:
        """Add one value of a field, in the order sent."""
        if sum(map(len, self.fields.values())) >= FIELDS_MAX:
            raise TooLarge(what="fields of a form", limit=FIELDS_MAX, actual=FIELDS_MAX + 1)
        self.fields.setdefault(name, []).append(value)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """Return the body of ``request``, refused as soon as it exceeds ``bytes_max``."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > bytes_max:
            raise TooLarge(what="form", limit=bytes_max, actual=len(data))
    return bytes(data)


async def read_form(request: Request, bytes_max: int) -> Form:
    """Return the form that ``request`` carries.

    Raises:
        TooLarge: beyond ``bytes_max`` bytes or ``FIELDS_MAX`` fields.
        Malformed: a multipart body without the structure that its header promises.
    """
    body = await read_body(request, bytes_max)
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        return parse_multipart(body, content_type)
    form = Form()
    text = body.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise TooLarge(what="fields of a form", limit=FIELDS_MAX, actual=FIELDS_MAX + 1) from None
    for name, value in pairs:
        form.add(name, value)
    return form


def parse_multipart(body: bytes, content_type: str) -> Form:
    """Return the fields and files of a multipart body (RFC 7578)."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise Malformed(reason="a multipart form without a boundary", at="content-type")
    mark = b"--" + match[1].strip().encode("ascii")
    form = Form()
    parts = (b"\r\n" + body).split(b"\r\n" + mark)
    for part in parts[1:]:
        if part.startswith(b"--"):
            return form
        head, gap, data = part.partition(b"\r\n\r\n")
        if not gap or len(head) > PART_HEADER_BYTES_MAX:
            raise Malformed(reason="a part of the form has no end of its headers", at="body")
        _add_part(form, head.decode("utf-8", "replace"), data)
    raise Malformed(reason="the form ends early", at="body")


def _add_part(form: Form, head: str, data: bytes) -> None:
    name, file_name, media_type = _NAME.search(head), _FILE_NAME.search(head), _TYPE.search(head)
    if name is None:
        raise Malformed(reason="a part of the form has no name", at="body")
    if file_name is None:
        form.add(name[1], data.decode("utf-8", "replace"))
    elif file_name[1] or data:
        kind = media_type[1].lower() if media_type else "application/octet-stream"
        form.files[name[1]] = File(file_name[1], kind, data)
