# SPDX-License-Identifier: Apache-2.0
"""Trace: supply chain, food safety and anti-counterfeiting on EPCIS 2.0 events."""

from hanse.apps.trace.contract import Trace
from hanse.apps.trace.importing import check_epcis
from hanse.contracts import App, Format, Panel

APP = App(
    name="trace",
    title="Supply chain and food safety",
    contracts=(Trace,),
    formats=(
        Format(
            name="epcis",
            title="EPCIS 2.0 and 1.2 documents (GS1)",
            media_types=("application/ld+json", "application/json", "application/xml"),
            check=check_epcis,
        ),
    ),
    panels=(
        Panel("forward", "What was made of it", "graph", query="trace_forward"),
        Panel("back", "What it was made of", "graph", query="trace_back"),
        Panel(
            "things",
            "Lots, serial numbers and packages",
            "table",
            query="list_things",
            columns=("id", "kind", "maker", "created_milli", "consumed_milli", "unit"),
        ),
        Panel(
            "recalls",
            "Recalls",
            "table",
            query="list_recalls",
            columns=("id", "root", "reason", "opened_by", "holders", "answered", "closed"),
        ),
        Panel(
            "findings",
            "Findings",
            "table",
            query="list_findings",
            columns=("rule", "thing", "sentence"),
        ),
    ),
    scenario="hanse.apps.trace.scenario",
)
