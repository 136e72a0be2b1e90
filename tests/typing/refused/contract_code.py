# SPDX-License-Identifier: Apache-2.0
"""Mistakes inside a contract: names of fields, types of values, results, arguments, roles."""

from typing import Literal, TypeAlias

from hanse.contracts import (
    BigInt,
    Context,
    Contract,
    Date,
    Map,
    OrganisationId,
    action,
    event,
    must,
    query,
    record,
    replace,
    require,
)

Role: TypeAlias = Literal["packer", "clerk"]
CLERK: Role = "clerk"
CLREK: Role = "clrek"  # expect: assignment


@record
class Note:
    """A note."""

    holder: OrganisationId
    amount_minor: int
    worth: BigInt
    due: Date | None = None
    state: Literal["live", "gone"] = "live"


@event
class Passed:
    """{to} has it."""

    to: OrganisationId


def double(kg: int) -> int:
    """Return twice as much."""
    return 2 * kg


class Notes(Contract):
    """Notes."""

    notes: Map[tuple[OrganisationId, int], Note]

    @action(role="packer")
    def good(self, ctx: Context, number: int) -> Note:
        """Make a note."""
        note = Note(holder=ctx.organisation, amount_minor=number, worth=BigInt(1))
        ctx.emit(Passed(to=note.holder))
        return self.notes.add((note.holder, number), replace(note, state="gone"))

    @action(role="packer")
    def fields(self, ctx: Context, number: int) -> None:
        """Get the names of fields wrong."""
        note = must(self.notes.get((ctx.organisation, number)), "not_found")
        replace(note, ammount_minor=1)  # expect: call-arg
        replace(note, state="split")  # expect: arg-type
        Note(holder=ctx.organisation, amount_minor=1)  # expect: call-arg
        Note(holder=ctx.organisation, amount_minor=1, worth=BigInt(1), dew=None)  # expect: call-arg
        Note(holder=ctx.organisation, amount_minor="1", worth=BigInt(1))  # expect: arg-type
        Note(holder="acme", amount_minor=1, worth=BigInt(1))  # expect: arg-type
        Note(holder=ctx.organisation, amount_minor=1, worth=1)  # expect: arg-type
        require(note.amount > 0, "no", "no such field")  # expect: attr-defined
        note.amount_minor = 2  # expect: misc
        ctx.emit(Passed(by=ctx.organisation))  # expect: call-arg
        require(ctx.organization == note.holder, "no", "no")  # expect: attr-defined

    @action(role="packer")
    def keys(self, ctx: Context, number: int) -> None:
        """Get keys and values wrong."""
        note = self.notes[ctx.organisation, number]
        self.notes[ctx.organisation, "1"] = note  # expect: index
        self.notes[ctx.organisation] = note  # expect: index
        self.notes[ctx.organisation, 1] = number  # expect: assignment
        self.nots[ctx.organisation, 1] = note  # expect: attr-defined
        double("1")  # expect: arg-type
        double()  # expect: call-arg
        double(1, 2)  # expect: call-arg
        self._half(1, kg=2)  # expect: misc

    def _half(self, kg: int) -> int:
        return kg // 2

    @query
    def results(self, ctx: Context) -> list[Note]:
        """Return something else."""
        if ctx.height > 1:
            return [number for (_, number), _ in self.notes.items()]  # expect: misc
        return self._half(3)  # expect: return-value

    @query
    def absent(self, ctx: Context) -> Note:
        """Return what may be absent."""
        return self.notes.get((ctx.organisation, 1))  # expect: return-value

    @action(role=3)  # expect: arg-type
    def number_as_role(self, ctx: Context) -> None:
        """Ask for a number."""

    @action()  # expect: call-arg
    def no_role(self, ctx: Context) -> None:
        """Say nothing of roles."""

    @action(rolle="packer")  # expect: call-arg
    def misspelt(self, ctx: Context) -> None:
        """Misspell the word itself."""
