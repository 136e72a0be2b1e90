# SPDX-License-Identifier: Apache-2.0
"""One JSON Schema document of all that a contract declares: ``hanse gen jsonschema``."""

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(description: Mapping[str, Any]) -> Schema:
    """Return a document whose ``$defs`` name every type of a contract.

    They are ``actions.NAME.args`` and ``.result``, the same of ``queries``, ``events.NAME``, and
    ``state.MAP.key`` and ``.value``.
    """
    made: Schema = {}
    for plural in ("actions", "queries"):
        for entry in description[plural]:
            for part in ("args", "result"):
                made[f"{plural}.{entry['name']}.{part}"] = entry[part]
    for event in description["events"]:
        made[f"events.{event['name']}"] = event["fields"]
    for row in description["maps"]:
        if row["key"] is not None:
            made[f"state.{row['name']}.key"] = row["key"]
        made[f"state.{row['name']}.value"] = row["value"]
    return {
        "$schema": DIALECT,
        "$id": f"urn:hanse:contract:{description['name']}:{description['hash']}",
        "title": description["name"],
        "description": description["doc"],
        "$defs": made,
    }
