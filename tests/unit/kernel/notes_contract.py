# SPDX-License-Identifier: Apache-2.0
"""A contract of many ways to fail."""

from hanse.contracts import (
    Change,
    Context,
    Contract,
    Map,
    OrganisationId,
    action,
    event,
    invariant,
    query,
    record,
    require,
)


@record
class Note:
    """Some text."""

    text: str
    count: int = 0


@event
class Noted:
    """{key} was noted."""

    key: str


def ask_undeclared(ctx: Context) -> None:
    """Call a contract that nobody declared; no checker sees which contract runs this."""
    ctx.call(None, "elsewhere", "read", key="k")


class Notes(Contract):
    """Every kind of success and failure."""

    name = "notes"
    uses = ("notes", "registry")
    notes: Map[str, Note]

    @action(role=None)
    def put(self, ctx: Context, key: str, text: str) -> int:
        """Write one note."""
        held = self.notes.get(key)
        self.notes[key] = Note(text=text, count=0 if held is None else held.count + 1)
        ctx.emit(Noted(key=key))
        return self.notes[key].count

    @action(role="writer")
    def put_as_writer(self, ctx: Context, key: str) -> None:
        """Write as one who may."""
        self.notes[key] = Note(text=ctx.member)

    @action(role=None)
    def add(self, ctx: Context, key: str) -> None:
        """Write only what is new."""
        self.notes.add(key, Note(text=ctx.member))

    @action(role=None)
    def take(self, ctx: Context, key: str) -> None:
        """Remove a note."""
        ctx.emit(Noted(key=key))
        del self.notes[key]

    @action(role=None)
    def only_for(self, ctx: Context, organisation: str) -> None:
        """Let one organisation through."""
        self.notes["only"] = Note(text="written before the check")
        ctx.acts_for(organisation)

    @action(role=None)
    def break_rule(self, ctx: Context) -> None:
        """Write what the invariant forbids."""
        self.notes["forbidden"] = Note(text=ctx.member)

    @action(role=None)
    def fail(self, ctx: Context) -> None:
        """Fail in a way that nobody foresaw."""
        self.notes["x"] = Note(text=ctx.member)
        self.notes["y"] = Note(text="", count=1 // (ctx.height - ctx.height))

    @action(role=None)
    def fill(self, ctx: Context, count: int, size: int) -> None:
        """Write many notes."""
        for number in range(count):
            self.notes[f"{ctx.tx[:4]}{number}"] = Note(text="x" * size)

    @action(role=None)
    def refuse(self, ctx: Context, code: str) -> None:
        """Refuse with that code."""
        require(ctx.height < 0, code, "as asked for", member=ctx.member)

    @action(role=None, also_signed_by="other")
    def together(self, ctx: Context, other: OrganisationId) -> None:
        """Write what both sign."""
        self.notes[other] = Note(text=ctx.member)

    @action(role=None)
    def call_undeclared(self, ctx: Context) -> None:
        """Call what is not declared."""
        self.notes["x"] = Note(text=ctx.member)
        ask_undeclared(ctx)

    @action(role=None)
    def call_itself(self, ctx: Context) -> None:
        """Come back to what is running."""
        self.notes["x"] = Note(text=ctx.member)
        ctx.call(None, "notes", "put", key="k", text="t")

    @query
    def read(self, ctx: Context, key: str) -> Note | None:
        """Return a note."""
        return self.notes.get(key)

    @invariant
    def nothing_forbidden(self, ctx: Context, change: Change) -> bool:
        """No note is called forbidden."""
        return all(written.key != "forbidden" for written in change.of(self.notes))
