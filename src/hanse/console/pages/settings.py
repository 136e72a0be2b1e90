# SPDX-License-Identifier: Apache-2.0
"""Language, theme and density; as whom one looks; and the page of all components in all states."""

from typing import Any, Final

from starlette.responses import Response

from hanse.console import forms, proof_svg
from hanse.console.calls import Call
from hanse.console.catalogue import LANGUAGES
from hanse.console.graph import Edge, Graph, Node, draw
from hanse.console.ledger import Step, Verdict
from hanse.console.pages.overview import Line, Row
from hanse.console.pages.records import ladder_words
from hanse.console.security import set_cookie
from hanse.console.sentences import Part
from hanse.console.view import DENSITIES, THEMES, View

_HASH: Final = "2vGQ4nV0c1mXr8yT5sKpLwZ9aBdEfHjUoIkNqRtYx-E"


async def settings(view: View) -> Response:
    """Show the reader's settings."""
    return view.render("settings.html")


async def settings_save(view: View) -> Response:
    """Keep the reader's settings in cookies and go back."""
    form = await view.read_form()
    response = view.redirect(form.first("next", "/settings"))
    for name, allowed in (("lang", LANGUAGES), ("theme", THEMES), ("density", DENSITIES)):
        value = form.first(name)
        if value in allowed:
            set_cookie(response, view.request, f"hanse_{name}", value)
    return response


async def view_as(view: View) -> Response:
    """Look and sign as another member whose key the console holds."""
    form = await view.read_form()
    member = form.first("member")
    if member in view.console.ledger.signers:
        view.session.member = member
    return view.redirect(form.first("next", "/"))


async def patterns(view: View) -> Response:
    """Show every component in every state, from the same macros that the pages use."""
    graph = Graph(
        (
            Node("farm", "Green Acre Farm", "L-2209", "maker"),
            Node("dairy", "Vale Dairy", "L-2210", "maker"),
            Node("truck", "Coldline Carriers", "L-2210", "carrier"),
            Node("shop", "Market Street Stores", "L-2210-A", "shop", "/organisations"),
            Node("cn", "绿野农场有限公司华东分公司", "批次 2209"),
        ),
        (
            Edge("farm", "dairy"),
            Edge("dairy", "truck"),
            Edge("truck", "shop", "", missing=True),
            Edge("cn", "dairy"),
        ),
    )
    fields = forms.build_fields(SAMPLE_SCHEMA)
    fields[1].value, fields[1].error = "many", view.t("form.error.integer")
    ladder = proof_svg.Ladder(
        *(_HASH, 2, 5, proof_svg.climb(2, 5, [_HASH] * 3), _HASH, 7),
        ("witness1", "witness2"),
        "node1@acme",
    )
    return view.render(
        "patterns.html",
        sample_hash=_HASH,
        rows=_rows(),
        verdicts=_verdicts(),
        fields=fields,
        graph=graph,
        drawing=draw(graph, "trace"),
        ladder=ladder,
        ladder_drawing=proof_svg.draw(ladder, ladder_words(view, _HASH)),
        calls=[Call("Python", "client.query(…)"), Call("curl", "curl …"), Call("CLI", "hanse …")],
        hostile="<script>alert(1)</script> \u202egnp.exe\u200b \x07",
    )


SAMPLE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["lot", "mass_kg", "kind", "to"],
    "properties": {
        "lot": {"type": "string", "description": "As printed on the case."},
        "mass_kg": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["milk", "cheese"]},
        "to": {"type": "string", "format": "organisation"},
        "cold": {"type": "boolean"},
        "serials": {"type": "array", "items": {"type": "string"}},
        "place": {
            "type": "object",
            "required": ["gln"],
            "properties": {"gln": {"type": "string"}, "note": {"type": "string"}},
        },
    },
}


def _rows() -> list[Row]:
    said = [
        [Part("Vale Dairy", "/organisations"), Part(" shipped lot L-2210 to Coldline Carriers.")]
    ]
    refused = [[Part("driver@coldroute asked for ship; refused: not_holder.")]]
    lines = [Line(said, _HASH, refused=False), Line(refused, _HASH, refused=True)]
    return [
        Row(1204, 1_790_000_000_000, 240, 1, lines, 238),
        Row(1203, 1_789_999_999_000, 0, 0, [], 0),
    ]


def _verdicts() -> list[Verdict]:
    names = ("format", "signature", "inclusion", "finality", "key_status", "withdrawal")
    good = tuple(Step(name, passed=True, detail="") for name in names)
    late = (*good[:5], Step("withdrawal", passed=False, detail="withdrawn at height 40"))
    bad = (*good[:2], Step("inclusion", passed=False, detail="another root"), *(
        Step(name, passed=None, detail="") for name in names[3:]
    ))  # fmt: skip
    facts: dict[str, Any] = {"height": 12, "as_of_height": 40, "as_of_time_ms": 1_790_000_000_000}
    return [
        Verdict("valid", good, **facts),
        Verdict("withdrawn", late, **facts),
        Verdict("unknown_issuer", good, **facts),
        Verdict("not_valid", bad, **facts),
    ]
