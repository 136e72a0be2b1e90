# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document keeps the structure rules of OpenAPI 3.1, checked by hand from its text."""

import copy
import re
from typing import Any

import pytest
from gateway_fakes import NOTE, NOTES

from hanse.gateway.openapi import ROUTES, build_document
from hanse.gateway.pages import docs_page

METHODS = {"get", "post", "put", "delete", "options", "head", "patch", "trace"}
OPERATION = {
    "operationId", "tags", "summary", "description", "parameters",
    "requestBody", "responses",
}  # fmt: skip
SCHEMA = {
    "type", "properties", "required", "additionalProperties", "items", "prefixItems",
    "anyOf", "oneOf", "enum", "const", "format", "pattern", "minimum", "maximum", "minItems",
    "maxItems", "title", "description", "$ref",
}  # fmt: skip
TYPES = {"object", "array", "string", "integer", "boolean", "null", "number"}


def faults(document: dict) -> list[str]:
    """Return every breach of the rules; an empty list is a valid document."""
    found: list[str] = []
    if set(document) != {"openapi", "info", "servers", "tags", "paths", "components"}:
        found.append("root members")
    if not re.fullmatch(r"3\.1\.\d+", document["openapi"]):
        found.append("version")
    found += [f"info lacks {k}" for k in ("title", "version") if not document["info"].get(k)]
    components = document["components"]
    for kind in components.values():
        found += [f"name {n}" for n in kind if not re.fullmatch(r"[a-zA-Z0-9._-]+", n)]
    for name, schema in components["schemas"].items():
        found += schema_faults(schema, name, components)
    ids: list[str] = []
    shapes: list[str] = []
    tags = [tag["name"] for tag in document["tags"]]
    if len(set(tags)) != len(tags):
        found.append("tags repeated")
    for path, item in document["paths"].items():
        if not path.startswith("/") or set(item) - METHODS:
            found.append(f"path item {path}")
        shapes.append(re.sub(r"\{[^}]*\}", "{}", path))
        for method, operation in item.items():
            at = f"{method} {path}"
            ids.append(operation["operationId"])
            found += operation_faults(at, path, operation, components)
            found += [f"{at}: tag {t}" for t in operation["tags"] if t not in tags]
    found += ["operationId repeated"] * (len(set(ids)) != len(ids))
    found += ["paths equal but for names"] * (len(set(shapes)) != len(shapes))
    return found


def operation_faults(at: str, path: str, operation: dict, components: dict) -> list[str]:
    known = {k for k in operation if k in OPERATION or k.startswith("x-")}
    found = [f"{at}: {k}" for k in operation.keys() - known]
    in_path = set(re.findall(r"\{([^}]*)\}", path))
    declared = [(p["in"], p["name"]) for p in operation.get("parameters", [])]
    if len(set(declared)) != len(declared):
        found.append(f"{at}: parameter repeated")
    if {name for place, name in declared if place == "path"} != in_path:
        found.append(f"{at}: path parameters")
    for parameter in operation.get("parameters", []):
        found += parameter_faults(at, parameter, components)
    if not operation["responses"]:
        found.append(f"{at}: no response")
    holders = [operation["requestBody"]] if "requestBody" in operation else []
    for status, response in operation["responses"].items():
        found += response_faults(f"{at} {status}", status, response, components)
        holders += [] if "$ref" in response else [response]
    contents = [pair for holder in holders for pair in holder["content"].items()]
    for media_type, entry in contents:
        if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", media_type):
            found.append(f"{at}: media type {media_type}")
        found += schema_faults(entry["schema"], at, components)
    return found


def response_faults(at: str, status: str, response: dict, components: dict) -> list[str]:
    found = []
    if not re.fullmatch(r"[1-5]\d\d|[1-5]XX|default", status):
        found.append(f"{at}: status")
    name = response.get("$ref", "").removeprefix("#/components/responses/")
    if name and name not in components["responses"]:
        found.append(f"{at}: no response {name}")
    if not name and not response.get("description"):
        found.append(f"{at}: no description")
    return found


def parameter_faults(at: str, parameter: dict, components: dict) -> list[str]:
    found = schema_faults(parameter["schema"], at, components)
    if parameter["in"] not in {"path", "query", "header", "cookie"}:
        found.append(f"{at}: parameter place")
    if parameter["in"] == "path" and parameter["required"] is not True:
        found.append(f"{at}: path parameter not required")
    return found


def schema_faults(schema: object, at: str, components: dict) -> list[str]:
    if isinstance(schema, bool):
        return []
    if not isinstance(schema, dict):
        return [f"{at}: schema is {type(schema).__name__}"]
    found = [f"{at}: keyword {k}" for k in schema if k not in SCHEMA]
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        if name not in components["schemas"]:
            found.append(f"{at}: dangling {schema['$ref']}")
    if "type" in schema and schema["type"] not in TYPES:
        found.append(f"{at}: type {schema['type']}")
    undeclared = set(schema.get("required", [])) - set(schema.get("properties", {}))
    found += [f"{at}: required {name} undeclared" for name in undeclared]
    inner = [*schema.get("properties", {}).values(), *schema.get("prefixItems", [])]
    for word in ("anyOf", "oneOf"):
        found += [f"{at}: empty {word}"] * (schema.get(word) == [])
        inner += schema.get(word, [])
    inner += [schema[word] for word in ("items", "additionalProperties") if word in schema]
    for value in inner:
        found += schema_faults(value, at, components)
    return found


def test_the_document_keeps_the_rules_of_openapi_3_1() -> None:
    assert faults(build_document([NOTES], "0.1.0")) == []
    assert faults(build_document([], "0.1.0")) == []


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("openapi",), "3.0.3"),
        (("paths", "/v1/ledger", "get", "operationId"), "genesis"),
        (("paths", "/v1/blocks/{height}", "get", "parameters"), []),
        (("components", "schemas", "Transaction"), {"$ref": "#/components/schemas/Nowhere"}),
        (("components", "schemas", "a b"), {}),
        (("paths", "/v1/ledger", "get", "responses"), {"ok": {"description": "x", "content": {}}}),
    ],
)
def test_the_checker_itself_finds_a_broken_document(where: tuple[str, ...], value: object) -> None:
    document: Any = copy.deepcopy(build_document([NOTES], "0.1.0"))
    place = document
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    assert faults(document)


def test_an_action_and_a_query_have_a_path_with_their_own_arguments() -> None:
    document: Any = build_document([NOTES], "0.1.0")
    schemas = document["components"]["schemas"]
    path = "/v1/contracts/notes/actions/endorse/check"
    check = document["paths"][path]["post"]
    assert check["x-hanse-rejects"] == ["not_live", "wrong_organisation"]
    assert schemas["notes.Note"]["properties"] == NOTE["properties"]
    arguments = schemas["notes.endorse.args"]
    assert arguments["properties"]["note"] == {"$ref": "#/components/schemas/notes.Note"}
    assert "/v1/contracts/notes/queries/mine" in document["paths"]


def test_a_transaction_is_one_of_the_actions() -> None:
    document: Any = build_document([NOTES], "0.1.0")
    schemas = document["components"]["schemas"]
    (choice,) = schemas["Transaction"]["oneOf"]
    body = schemas[choice["$ref"].rpartition("/")[2]]["properties"]["body"]
    assert body["properties"]["contract"] == {"const": "notes"}
    assert body["properties"]["action"] == {"const": "endorse"}
    submit = document["paths"]["/v1/transactions"]["post"]
    content = submit["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/Transaction"}


def test_two_records_of_one_name_stay_apart() -> None:
    other = {**NOTE, "properties": {"id": {"type": "integer"}}, "required": []}
    description: Any = copy.deepcopy(NOTES)
    description["queries"][0]["result"] = {"type": "array", "items": other}
    document: Any = build_document([description], "1")
    schemas = document["components"]["schemas"]
    assert schemas["notes.Note_"]["properties"] == other["properties"]


def test_the_page_shows_every_operation_and_escapes_what_a_contract_says() -> None:
    hostile: Any = copy.deepcopy(NOTES)
    hostile["actions"][0]["doc"] = "<script>alert(1)</script>"
    document = build_document([hostile], "0.1.0")
    page = docs_page(document, "API").decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    for route in ROUTES:
        assert route.path in page
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    ids = re.findall(r'id="([^"]+)"', page)
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))
