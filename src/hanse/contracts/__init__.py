# SPDX-License-Identifier: Apache-2.0
"""The contract language: what a contract module imports, and nothing else."""

from hanse.contracts.app import App, Format, Panel
from hanse.contracts.contract import Change, Context, Contract, action, invariant, migrate, query
from hanse.contracts.money import mul_div
from hanse.contracts.records import event, record, replace
from hanse.contracts.refusals import Refused, must, require
from hanse.contracts.state import Map, Ordered, Value, Written
from hanse.contracts.types import BigInt, Date, MemberId, OrganisationId, TimeMs

__all__ = [
    "App",
    "BigInt",
    "Change",
    "Context",
    "Contract",
    "Date",
    "Format",
    "Map",
    "MemberId",
    "Ordered",
    "OrganisationId",
    "Panel",
    "Refused",
    "TimeMs",
    "Value",
    "Written",
    "action",
    "event",
    "invariant",
    "migrate",
    "mul_div",
    "must",
    "query",
    "record",
    "replace",
    "require",
]
