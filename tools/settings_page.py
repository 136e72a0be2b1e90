# SPDX-License-Identifier: Apache-2.0
"""The reference pages of settings, and of what a running node shows: figures, reasons, events."""

import logging
from collections.abc import Iterator

from tools._markdown import WRITTEN, cell

from hanse.node.figures import FIGURES
from hanse.node.health import REASONS
from hanse.node.logs import EVENTS
from hanse.node.settings import FILE, OTHER_VARIABLES, SETTINGS, Setting

ABOUT = f"""
How a node runs is said in three places; a later one wins: `{FILE}` in the node's folder (or the
file that `--config` names), then `HANSE_*` variables, then options. `hanse config show --origin`
tells each value and where it was said, `hanse config check` what does not fit. What a node *is*
stands in its folder; what all nodes agree on stands in the genesis.

```toml
host = "127.0.0.1"
port = 8420

[log]
format = "json"

[backup]
folder = "/srv/backups"
```

A relative path is taken from the folder of the file that has it, or from the working folder. In
variables and options the items of a list stand between commas. A key that is no setting is refused
(`setting_unknown`), as is a value out of its bounds (`setting_invalid`), with the place. Beyond
loopback a node speaks TLS, or says by `tls.elsewhere` that a proxy does.

| key | variable | option | value | default | meaning |
|---|---|---|---|---|---|
"""
GENESIS = """
## Genesis description

What `hanse node init --genesis FILE` reads, in TOML; [an example](../how-to/run-a-node.md).

| key | meaning |
|---|---|
| `network`, `node`, `operator` | names; `operator` is the organisation of the first node. Needed |
| `suite` | of all keys that it makes: `ed25519-sha256` (default), `p256-sha256`, `sm2-sm3` |
| `apps` | apps whose contracts are active; by default all that are installed |
| `organisations` | `id`, `name` |
| `members` | `id` (`name@organisation`), `roles`; each gets the key `k1` |
| `witnesses`, `witness_quorum` | `name`; how many cosignatures a proof carries, by default 0 |
| `policies` | `resource`, `rule`, `organisations`, `roles` |

The document that it makes: [genesis](../../spec/genesis.md).

## Extras

| extra | adds |
|---|---|
| `hanse[sm]` | native SM2; without it signing with SM2 is slow and not constant in time |

A node uses two more where they are there, and `hanse doctor` says what is: `uvloop`, a faster
event loop, and the native part of Hanse, which `make native` builds from the source (with Rust). It
verifies Ed25519 signatures in batches, in a third of the time each and by the same rule: what it
refuses is decided again in Python.
"""


def _value(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    if setting.kind == "number":
        return f"{setting.low} to {setting.high}"
    return {"switch": "`true`, `false`"}.get(setting.kind, setting.kind)


def _default(setting: Setting) -> str:
    if setting.default is None or setting.default == []:
        return ""
    shown = str(setting.default)
    return f"`{shown.lower() if isinstance(setting.default, bool) else shown}`"


def _rows() -> Iterator[str]:
    for setting in SETTINGS:
        key = "" if setting.secret else f"`{setting.name}`"
        option = "" if setting.secret else f"`{setting.option}`"
        yield (
            f"| {key} | `{setting.variable}` | {option} | {_value(setting)} | {_default(setting)}"
            f" | {cell(setting.help)} |\n"
        )


def configuration_page() -> str:
    """Return the page of all settings and variables."""
    other = "".join(f"| `{name}` | {cell(text)} |\n" for name, text in OTHER_VARIABLES.items())
    return "".join(
        [
            f"# Configuration\n\n{WRITTEN}",
            ABOUT,
            *_rows(),
            "\nOther sizes and times are fixed by [limits](limits.md) and by the genesis.\n",
            "\n## Other variables\n\nOf commands; options win over them.\n\n",
            f"| variable | meaning |\n|---|---|\n{other}",
            GENESIS,
        ]
    )


def watching_page() -> str:
    """Return the page of figures, alerts, reasons and events."""
    parts = [f"# What a node shows\n\n{WRITTEN}", "\n## Figures\n\n"]
    parts.append(
        "At `/metrics`, in the Prometheus text format. With `engine.metrics` the engine's own"
        " figures\nfollow under their names (`cometbft_…`).\n\n"
        "| figure | kind | meaning |\n|---|---|---|\n"
    )
    parts += [f"| `{f.name}` | {f.kind} | {cell(f.help)} |\n" for f in FIGURES]
    parts.append(
        "\n## Alerts\n\n`hanse deploy prometheus` writes them; `it` is the figure.\n\n"
        "| alert | figure | when | for | severity | what it says |\n|---|---|---|---|---|---|\n"
    )
    parts += [
        f"| `{a.name}` | `{f.name}` | `{cell(a.when)}` | {a.minutes} min | {a.severity}"
        f" | {cell(a.says)} |\n"
        for f in FIGURES
        for a in f.alerts
    ]
    parts.append(
        "\n## Health\n\n`/livez` is 200 while the process answers. `/readyz` is 200 when the node"
        " takes transactions,\nelse 503 with `reasons`:\n\n| reason | meaning |\n|---|---|\n"
    )
    parts += [f"| `{word}` | {cell(text)} |\n" for word, text in REASONS.items()]
    parts.append(
        '\n## Log events\n\nOn standard error, a line each; `log.format = "json"` gives one object'
        " a line with `time`,\n`level`, `event` and the facts. Arguments, keys, passphrases, query"
        " strings and messages of\nunexpected exceptions are never logged.\n\n"
        "| event | level | facts | meaning |\n|---|---|---|---|\n"
    )
    parts += [
        f"| `{name}` | {logging.getLevelName(event.level).lower()}"
        f" | {', '.join(f'`{fact}`' for fact in event.facts)} | {cell(event.meaning)} |\n"
        for name, event in EVENTS.items()
    ]
    return "".join(parts)
