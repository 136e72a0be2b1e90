# SPDX-License-Identifier: Apache-2.0
"""The table of changes between two versions of a contract: the reference page is made from it."""

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["compatible", "needs_migration", "breaking"]
"""Stored values keep their meaning; they do after a migration; they are out of its reach."""


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change: what it asks for, what it is, what the author can do."""

    verdict: Verdict
    title: str
    remedy: str


_MIGRATE: Final = "Write a migration that makes the new value of the old one"

CHANGES: Final[dict[str, Change]] = {
    # the place of what is stored
    "contract_renamed": Change(
        "breaking",
        "The contract has another name, under which nothing is stored.",
        "Keep `name`; a class may be renamed when `name` stays.",
    ),
    "map_removed": Change(
        "breaking",
        "A map or value is gone; what it holds could be read by nobody.",
        "Keep the declaration; no line of code needs to use it.",
    ),
    "map_renamed": Change(
        "breaking",
        "A map or value has another name, under which nothing is stored.",
        "Keep the name that the ledger knows.",
    ),
    "map_kind_changed": Change(
        "breaking",
        "A map became a single value, or the other way round: other keys, other proofs.",
        "Declare the new one under a name of its own and keep the old one.",
    ),
    "map_order_gained": Change(
        "needs_migration",
        "A map became an ordered one: its entries are taken into a tree.",
        "Nothing to do: the upgrade stores each entry again, and its rehearsal says at what cost.",
    ),
    "map_order_lost": Change(
        "breaking",
        "An ordered map is a plain one: its tree would stay, and prove what no longer is.",
        "Keep it ordered, or declare the plain one under a name of its own.",
    ),
    "key_changed": Change(
        "breaking",
        "The keys have another type; what is stored would not be found, or not be a key.",
        "Keep the key's type; declare a map with the new keys under a name of its own.",
    ),
    "key_widened": Change(
        "compatible",
        "The keys have a wider type of the same encoding.",
        "Nothing to do.",
    ),
    "map_added": Change("compatible", "A map or value is new; it begins empty.", "Nothing to do."),
    # the values
    "field_added": Change(
        "compatible",
        "A field is new; values stored before have its default.",
        "See that the default says what is true of them.",
    ),
    "field_added_without_default": Change(
        "needs_migration",
        "A field is new and has no default; values stored before lack it.",
        f"Give it a default. {_MIGRATE} where none is true.",
    ),
    "field_removed": Change(
        "needs_migration",
        "A field is gone; values stored before have it, and are refused.",
        f"Keep the field. {_MIGRATE} where it must go.",
    ),
    "field_renamed": Change(
        "needs_migration",
        "A field has another name; values stored before have the old one.",
        f"Keep the name. {_MIGRATE} where it must change.",
    ),
    "default_changed": Change(
        "compatible",
        "A field's default changed; what this version wrote has the field.",
        "Name the earlier versions, too, if values from before the field may be stored.",
    ),
    "default_removed": Change(
        "compatible",
        "A field lost its default; what this version wrote has the field.",
        "Name the earlier versions, too, if values from before the field may be stored.",
    ),
    "stored_default_changed": Change(
        "needs_migration",
        "Values from before a field was added would be read with another default.",
        "Keep the default, or write a migration that stores the old one.",
    ),
    "number_form_changed": Change(
        "needs_migration",
        "A number is written in another form: `int` as a number, `BigInt` as text.",
        f"Keep the type. {_MIGRATE} where it must change.",
    ),
    "type_changed": Change(
        "needs_migration",
        "A value has another type; stored ones are refused, or mean something else.",
        f"Keep the type. {_MIGRATE} where it must change.",
    ),
    "type_narrowed": Change(
        "needs_migration",
        "A type no longer has all the values that may be stored.",
        f"Keep the wider type. {_MIGRATE} for those that are left out.",
    ),
    "type_widened": Change(
        "compatible",
        "A type has more values than before; stored ones stay what they are.",
        "See that the code expects the new ones.",
    ),
    # the interface: no stored value is touched
    "api_action_added": Change("compatible", "An action is new.", "Nothing to do."),
    "api_action_removed": Change(
        "compatible",
        "An action is gone: calls are refused with `unknown_action`.",
        "Keep it until no caller is left, or let it refuse with a code that says so.",
    ),
    "api_query_added": Change("compatible", "A query is new.", "Nothing to do."),
    "api_query_removed": Change(
        "compatible", "A query is gone.", "Keep it until nobody asks any more."
    ),
    "api_argument_added": Change(
        "compatible", "An argument is new and may be left out.", "Nothing to do."
    ),
    "api_argument_required": Change(
        "compatible",
        "An argument must be given that could be left out before, or was not there.",
        "Give it a default, or add an action of another name.",
    ),
    "api_argument_removed": Change(
        "compatible",
        "An argument is gone: whoever gives it is refused with `bad_argument`.",
        "Keep it, with a default.",
    ),
    "api_argument_narrowed": Change(
        "compatible",
        "An argument takes fewer values, or others: callers of the old version may be refused.",
        "Keep the wider type and refuse with a code, or add an action of another name.",
    ),
    "api_argument_widened": Change(
        "compatible", "An argument takes more than before.", "Nothing to do."
    ),
    "api_default_changed": Change(
        "compatible",
        "An argument that is left out means something else.",
        "Tell the callers, or add an action of another name.",
    ),
    "api_authority_changed": Change(
        "compatible",
        "Other members may call it, or others must sign.",
        "See that the members who need the role have it when the version becomes active.",
    ),
    "api_result_changed": Change(
        "compatible",
        "The result may be something that a client of the old version does not read.",
        "Generate the clients anew, or add an action of another name.",
    ),
    "api_refusal_added": Change(
        "compatible", "It may refuse with a code that is new.", "Tell the callers."
    ),
    "api_refusal_removed": Change(
        "compatible",
        "A refusal's code is gone; callers may wait for it.",
        "Tell the callers what comes instead.",
    ),
    "api_event_added": Change("compatible", "A contract event is new.", "Nothing to do."),
    "api_event_removed": Change(
        "compatible",
        "A contract event is gone; subscribers wait for it in vain.",
        "Keep it, or tell the subscribers.",
    ),
    "api_event_changed": Change(
        "compatible",
        "A contract event may carry what a reader of the old version does not read.",
        "Declare an event of another name.",
    ),
}
