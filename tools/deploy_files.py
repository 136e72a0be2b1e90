# SPDX-License-Identifier: Apache-2.0
"""Write the dashboard and the alert rules that the table of figures makes."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from hanse.node.figures import FIGURES, Alert, Figure

FOLDER = Path(__file__).resolve().parent.parent / "src/hanse/cli/deploy"
PAGE = "docs/how-to/operate-a-node.md"
WIDTH, HEIGHT, COLUMNS = 8, 7, 3


def expression(text: str, figure: Figure) -> str:
    """Return an expression of the table with the figure's name put in for ``it``."""
    return re.sub(r"\bit(?=_bucket\b|\b)", figure.name, text)


def rule(figure: Figure, alert: Alert) -> list[str]:
    """Return the lines of an alert rule."""
    return [
        f"      - alert: {alert.name}",
        f"        expr: {json.dumps(expression(alert.when, figure))}",
        f"        for: {alert.minutes}m",
        f"        labels: {{severity: {alert.severity}}}",
        "        annotations:",
        f"          summary: {json.dumps('{{ $labels.instance }}: ' + alert.says)}",
        f"          runbook: {PAGE}#{alert.name.lower()}",
    ]


def alerts() -> str:
    """Return the rules file."""
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        "# Written by `make docs` from hanse.node.figures; a test compares the two.",
        "groups:",
        "  - name: hanse",
        "    rules:",
    ]
    for figure in FIGURES:
        for alert in figure.alerts:
            lines += rule(figure, alert)
    return "\n".join(lines) + "\n"


def panel(number: int, figure: Figure) -> dict[str, Any]:
    """Return one panel of the dashboard."""
    source = {"type": "prometheus", "uid": "${source}"}
    row, column = divmod(number, COLUMNS)
    legend = "__auto"
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": figure.help.rstrip("."),
        "description": f"`{figure.name}`",
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": figure.unit, "min": 0}, "overrides": []},
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": row * HEIGHT},
        "targets": [
            {
                "datasource": source,
                "expr": expression(figure.panel, figure),
                "legendFormat": legend,
                "refId": "A",
            }
        ],
    }


def dashboard() -> str:
    """Return the dashboard, for import into Grafana."""
    drawn = [figure for figure in FIGURES if figure.panel]
    document = {
        "title": "Hanse",
        "uid": "hanse",
        "tags": ["hanse"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus"}],
        },
        "panels": [panel(number, figure) for number, figure in enumerate(drawn)],
    }
    return json.dumps(document, indent=1) + "\n"


def build_files() -> dict[str, str]:
    """Return the text of each generated file by its path."""
    return {"prometheus/alerts.yaml": alerts(), "grafana/hanse.json": dashboard()}


def main() -> int:
    """Write the files, or with ``--check`` say whether they are up to date."""
    stale = []
    for name, text in build_files().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print(f"changed: {', '.join(stale) or 'nothing'}")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
