# SPDX-License-Identifier: Apache-2.0
"""The gateway's own HTML: ``/docs`` and the problem pages; no scripts, nothing from elsewhere.

Both are drawn from data that exists anyway: the OpenAPI document and the error classes.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

from hanse.gateway.seam import Json

STYLE: Final = b"""\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#545b64;--paper:#fff;--line:#d5d9de;
--tint:#f4f6f8;--link:#0b5394}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--dim:#a9b1ba;--paper:#14171a;--line:#343a41;
--tint:#1c2024;--link:#8ab8f0}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-inline-size:62rem;
font:1rem/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
a{color:var(--link)}
h1{font-size:1.6rem;margin:0 0 .25rem}
h2{font-size:1.2rem;margin:2.5rem 0 .5rem;padding-block-start:1rem;
border-block-start:1px solid var(--line)}
code,.method{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
nav a{display:inline-block;padding:.15rem 0}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;background:var(--paper)}
summary{padding:.5rem .75rem;cursor:pointer}
summary:hover{background:var(--tint)}
summary span{color:var(--dim)}
summary .text{display:block;padding-inline-start:1rem}
.method{font-weight:700;display:inline-block;min-inline-size:3.2rem}
.in{padding:0 .75rem .75rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;inline-size:100%;margin:.5rem 0;font-size:.93rem}
caption{text-align:start;font-weight:600;padding:.4rem 0}
th,td{text-align:start;vertical-align:top;padding:.3rem .6rem .3rem 0;
border-block-end:1px solid var(--line)}
p.doc{white-space:pre-line;max-inline-size:46rem}
.dim{color:var(--dim)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
"""
_DEPTH_MAX: Final = 6  # levels of a schema written in words


def docs_page(document: Json, title: str) -> bytes:
    """Return the page of an OpenAPI document: operations by contract, then the schemas."""
    groups: dict[str, list[str]] = {}
    for path, item in _dict(document["paths"]).items():
        for method, operation in _dict(item).items():
            entry = _dict(operation)
            tag = str(_list(entry["tags"])[0])
            groups.setdefault(tag, []).append(_operation(method, path, entry))
    order = [str(_dict(tag)["name"]) for tag in _list(document["tags"])]
    shown = [tag for tag in order if tag in groups]
    links = [f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a></li>' for tag in shown]
    schemas = _dict(_dict(document["components"])["schemas"])
    body = [
        f"<h1>{escape(title)}</h1>",
        '<p class="dim">HTTP API of this node, drawn from its contracts. ',
        'For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
        '<nav aria-label="Groups"><ul>',
        *links,
        '<li><a href="#schemas">schemas</a></li></ul></nav><main>',
    ]
    for tag in shown:
        body.append(f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>')
        body += groups[tag]
    body.append('<h2 id="schemas">schemas</h2>')
    body += [_schema_details(name, _dict(schema)) for name, schema in sorted(schemas.items())]
    body.append("</main>")
    return _page(title, "".join(body))


def problem_page(facts: Json) -> bytes:
    """Return the page of an error class: what is wrong, whose it is to mend, what it carries."""
    names = [f"<code>{escape(str(name))}</code>" for name in _list(facts["fields"])]
    rows = [
        ("Code", f"<code>{escape(str(facts['code']))}</code>"),
        ("HTTP status", str(facts["status"])),
        ("Whose to mend", escape(str(facts["mended_by"]))),
        ("What to do", escape(str(facts["hint"]))),
        ("Facts it carries", ", ".join(names) or "none"),
    ]
    return _problem(str(facts["title"]), rows)


def kernel_page(facts: Json) -> bytes:
    """Return the page of a code of the kernel itself."""
    kept = (
        "a receipt: the refusal is recorded"
        if facts["recorded"]
        else "a problem: nothing is recorded"
    )
    rows = [
        ("Code", f"<code>{escape(str(facts['code']))}</code>"),
        ("Answered as", kept),
        ("Found at", f"stage {escape(str(facts['stage']))} of the kernel's order"),
        ("What to do", escape(str(facts["remedy"]))),
    ]
    return _problem(str(facts["cause"]).rstrip("."), rows)


def refusal_page(code: str, actions: Iterable[str]) -> bytes:
    """Return the page of a code with which contracts refuse."""
    listed = ", ".join(f"<code>{escape(name)}</code>" for name in actions)
    rows = [
        ("Code", f"<code>{escape(code)}</code>"),
        ("Given by", listed),
        ("Whose to mend", "the request: the contract said no, and the record stays"),
        ("What to do", "Read the receipt's reason, or the answer of the transaction's /why."),
    ]
    return _problem(f"A contract refuses: {code.replace('_', ' ')}", rows)


def _problem(title: str, rows: list[tuple[str, str]]) -> bytes:
    cells = "".join(f'<tr><th scope="row">{k}</th><td>{v}</td></tr>' for k, v in rows)
    text = f"<main><h1>{escape(title)}</h1><table>{cells}</table>"
    return _page(title, f'{text}<p><a href="/docs">HTTP API of this node</a></p></main>')


def _page(title: str, body: str) -> bytes:
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/docs/style.css"></head>'
    )
    return f"{head}<body>{body}</body></html>\n".encode()


def _operation(method: str, path: str, entry: Json) -> str:
    anchor = _anchor(f"op-{entry['operationId']}")
    parts = [
        f'<details id="{anchor}"><summary><span class="method">{escape(method.upper())}</span> ',
        f"<code>{escape(path)}</code> ",
        f'<span class="text">{escape(str(entry.get("summary", "")))}</span>',
        '</summary><div class="in">',
    ]
    if entry.get("description"):
        parts.append(f'<p class="doc">{escape(str(entry["description"]))}</p>')
    rows = [_parameter(_dict(p)) for p in _list(entry.get("parameters", []))]
    if rows:
        parts.append(_table("Parameters", rows))
    if "requestBody" in entry:
        parts.append(_content("Takes", _dict(entry["requestBody"])))
    parts.append(_content("Answers", _dict(_dict(entry["responses"])["200"])))
    parts.append('<p class="dim">Errors are problems with a stable code.</p></div></details>')
    return "".join(parts)


def _content(caption: str, holder: Json) -> str:
    parts: list[str] = []
    for media_type, entry in _dict(holder["content"]).items():
        schema = _dict(_dict(entry)["schema"])
        heading = f"{caption} {media_type}"
        if "properties" in schema:
            parts.append(_table(heading, _properties(schema)))
        else:
            parts.append(f"<p>{escape(heading)}: {_words(schema, 0)}</p>")
    return "".join(parts)


def _parameter(entry: Json) -> tuple[str, str, str]:
    need = "" if entry.get("required") else " (optional)"
    name = f"<code>{escape(str(entry['name']))}</code> in {escape(str(entry['in']))}{need}"
    return name, _words(_dict(entry["schema"]), 0), escape(str(entry.get("description", "")))


def _properties(schema: Json) -> list[tuple[str, str, str]]:
    required = _list(schema.get("required", []))
    rows: list[tuple[str, str, str]] = []
    for name, value in _dict(schema["properties"]).items():
        need = "" if name in required else " (optional)"
        inner = _dict(value)
        text = escape(str(inner.get("description", "")))
        rows.append((f"<code>{escape(name)}</code>{need}", _words(inner, 0), text))
    return rows


def _table(caption: str, rows: list[tuple[str, str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{a}</th><td>{b}</td><td>{c}</td></tr>' for a, b, c in rows
    )
    head = '<tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr>'
    table = (
        f"<table><caption>{escape(caption)}</caption><thead>{head}</thead><tbody>{lines}</tbody>"
    )
    return f'<div class="scroll">{table}</table></div>'


def _schema_details(name: str, schema: Json) -> str:
    text = escape(str(schema.get("description", "")).strip())
    inner = f'<p class="doc">{text}</p>' if text else ""
    if "properties" in schema:
        inner += _table("Fields", _properties(schema))
    else:
        inner += f"<p>{_words(schema, 0)}</p>"
    anchor = _anchor(f"schema-{name}")
    summary = f"<summary><code>{escape(name)}</code></summary>"
    return f'<details id="{anchor}">{summary}<div class="in">{inner}</div></details>'


def _words(schema: Json, depth: int) -> str:
    """Return a schema in words, with links to the components that it names."""
    if not schema:
        return "anything"
    if depth > _DEPTH_MAX:
        return "…"
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{_anchor(f"schema-{name}")}">{escape(name)}</a>'
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    if values:
        return " or ".join(f"<code>{escape(str(v))}</code>" for v in values)
    choices = _list(schema.get("anyOf")) or _list(schema.get("oneOf"))
    if choices:
        return " or ".join(_words(_dict(s), depth + 1) for s in choices)
    if "prefixItems" in schema:
        inner = ", ".join(_words(_dict(s), depth + 1) for s in _list(schema["prefixItems"]))
        return f"[{inner}]"
    if "items" in schema:
        return f"list of {_words(_dict(schema['items']), depth + 1)}"
    return _named(schema, depth)


def _named(schema: Json, depth: int) -> str:
    """Return an object with its fields, or the name of a plain type."""
    if "properties" in schema:
        pairs = _dict(schema["properties"]).items()
        inner = ", ".join(f"{escape(k)}: {_words(_dict(v), depth + 1)}" for k, v in pairs)
        return f"{{{inner}}}"
    kind = str(schema.get("type", "anything"))
    return escape(f"{kind} ({schema['format']})" if "format" in schema else kind)


def _anchor(text: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in text)


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
