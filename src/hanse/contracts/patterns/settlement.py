# SPDX-License-Identifier: Apache-2.0
"""Settlement: many debts, few payments, each matched with a line of a bank's statement.

Debts of one asset are netted in a round: what each party pays or gets is the sum of its debts, and
all sums together are zero. Who pays whom follows from them, one instruction less than there are
parties at most. A payer that does not pay owes the same amount anew: a default loses no unit. Two
instructions may be tied into a swap, which moves both legs or none.

The ledger moves no money: banks do, and book their statement lines here. Accounts are named by a
digest or a pseudonym until fields can be sealed.
"""

from typing import Literal

from hanse.contracts import (
    Context,
    Date,
    Map,
    OrganisationId,
    Written,
    record,
    replace,
    require,
)
from hanse.contracts.patterns.forms import is_digest, is_name

AMOUNT_MINOR_MAX = 9_007_199_254_740_991
MEMBERS_MAX = 200


@record
class Money:
    """Minor units of one asset."""

    amount_minor: int
    asset: str


@record
class Obligation:
    """What one organisation owes another. ``where`` is the round or instruction that it went to."""

    id: str
    debtor: OrganisationId
    creditor: OrganisationId
    money: Money
    due: Date
    state: Literal["open", "in_round", "settled"] = "open"
    where: str = ""


@record
class Round:
    """Debts of one asset that are netted: ``payable`` in all, ``unpaid`` instructions are left."""

    id: str
    operator: OrganisationId
    asset: str
    due: Date
    state: Literal["open", "closed", "netted", "settled"] = "open"
    parties: int = 0
    payable: int = 0
    unpaid: int = 0


@record
class Instruction:
    """A payment to be made, of a round or of a single obligation; ``swap`` ties it to another."""

    id: str
    payer: OrganisationId
    payee: OrganisationId
    money: Money
    due: Date
    round: str
    debt: str = ""
    digest: str = ""
    state: Literal["planned", "instructed", "matched", "defaulted"] = "planned"
    swap: str = ""


@record
class StatementLine:
    """A line that a bank booked: money came to an account, or left it."""

    account: str
    reference: str
    money: Money
    date: Date
    bank: OrganisationId
    matched: str = ""


@record
class Swap:
    """Two instructions between the same parties, one each way, that move together."""

    leg_a: str
    leg_b: str
    state: Literal["open", "done", "untied"] = "open"


Obligations = Map[str, Obligation]
Rounds = Map[str, Round]
Nets = Map[tuple[str, str], int]
Instructions = Map[str, Instruction]
Lines = Map[tuple[str, str], StatementLine]
Books = tuple[Obligations, Rounds, Nets, Instructions, Lines, Map[str, Swap]]
"""Obligations; rounds; nets by round and party, above zero for who gets money; instructions;
statement lines by account and reference; and swaps."""


def owe(books: Books, ctx: Context, new: Obligation) -> Obligation:
    """Promise to pay. Refuses bad_obligation, already_exists; the signer is the debtor."""
    named = is_own_name(new.id) and is_name(new.creditor) and is_name(new.money.asset)
    good = 0 < new.money.amount_minor <= AMOUNT_MINOR_MAX and new.creditor != ctx.organisation
    require(named and good, "bad_obligation", "owe another an amount above zero")
    return books[0].add(new.id, replace(new, debtor=ctx.organisation, state="open", where=""))


def open_round(books: Books, ctx: Context, round_id: str, asset: str, due: Date) -> Round:
    """Begin to collect debts. Refuses bad_round, already_exists."""
    named = is_own_name(round_id) and is_name(asset)
    require(named, "bad_round", "a round has a name and an asset")
    return books[1].add(
        round_id, Round(id=round_id, operator=ctx.organisation, asset=asset, due=due)
    )


def join(books: Books, ctx: Context, round_id: str, obligation: str) -> Round:
    """Put an open debt into an open round; its debtor or creditor may.

    Refuses not_found, wrong_organisation, wrong_state, currency_mismatch, already_settled,
    too_many.
    """
    found, debt = books[1][round_id], books[0][obligation]
    ctx.acts_for(debt.debtor, debt.creditor)
    require(found.state == "open", "wrong_state", f"the round is {found.state}")
    same = debt.money.asset == found.asset
    require(same, "currency_mismatch", "the round is of another asset", asset=found.asset)
    require(debt.state == "open", "already_settled", "it went elsewhere", where=debt.where)
    after = add_net(books[2], found, debt.debtor, -debt.money.amount_minor)
    after = add_net(books[2], after, debt.creditor, debt.money.amount_minor)
    few = after.parties <= MEMBERS_MAX and after.payable <= AMOUNT_MINOR_MAX
    require(few, "too_many", "a round has at most 200 parties, and 2^53 - 1 to be paid")
    books[0][obligation] = replace(debt, state="in_round", where=round_id)
    books[1][round_id] = after
    return books[1][round_id]


def close_round(books: Books, ctx: Context, round_id: str) -> Round:
    """End the collecting. Refuses not_found, wrong_organisation, wrong_state."""
    found = books[1][round_id]
    ctx.acts_for(found.operator)
    require(found.state == "open", "wrong_state", f"the round is {found.state}")
    books[1][round_id] = replace(found, state="closed")
    return books[1][round_id]


def net(books: Books, ctx: Context, round_id: str) -> list[Instruction]:
    """Turn the sums of a closed round into payments.

    Refuses not_found, wrong_organisation, round_open, already_settled, net_not_zero.
    """
    found = books[1][round_id]
    ctx.acts_for(found.operator)
    require(found.state != "open", "round_open", "close it first")
    require(found.state == "closed", "already_settled", f"the round is {found.state}")
    rows = list(books[2].items((round_id,), limit=MEMBERS_MAX + 1))
    total = sum([amount for key, amount in rows])
    require(total == 0, "net_not_zero", "the sums do not add up", total=total)
    made = pair_up(found, [(key[1], amount) for key, amount in rows])
    for one in made:
        books[3].add(one.id, one)
    state: Literal["netted", "settled"] = "netted" if made != [] else "settled"
    books[1][round_id] = replace(found, state=state, unpaid=len(made))
    return made


def pair_up(found: Round, nets: list[tuple[str, int]]) -> list[Instruction]:
    """Return payments from those below zero to those above, in order of their names."""
    payers = [one for one in nets if one[1] < 0]
    payees = [one for one in nets if one[1] > 0]
    made: list[Instruction] = []
    at, paid, got = 0, 0, 0
    for payer, amount in payers:
        paid = 0
        while paid < -amount:
            payee, wanted = payees[at]
            part = min(-amount - paid, wanted - got)
            made.append(
                Instruction(
                    id=f"{found.id}/{len(made) + 1}",
                    payer=OrganisationId(payer),
                    payee=OrganisationId(payee),
                    money=Money(amount_minor=part, asset=found.asset),
                    due=found.due,
                    round=found.id,
                )
            )
            paid += part
            got += part
            if got == wanted:
                at += 1
                got = 0
    return made


def instruct_single(books: Books, ctx: Context, obligation: str) -> Instruction:
    """Plan the payment of one debt outside any round.

    Refuses not_found, wrong_organisation, already_settled.
    """
    debt = books[0][obligation]
    ctx.acts_for(debt.debtor)
    require(debt.state == "open", "already_settled", "it went elsewhere", where=debt.where)
    made = Instruction(
        id=f"{obligation}/0",
        payer=debt.debtor,
        payee=debt.creditor,
        money=debt.money,
        due=debt.due,
        round="",
        debt=obligation,
    )
    books[0][obligation] = replace(debt, state="in_round", where=made.id)
    return books[3].add(made.id, made)


def instruct(books: Books, ctx: Context, instruction: str, digest: str) -> Instruction:
    """Say that the bank was told, by the digest of the message.

    Refuses not_found, wrong_organisation, wrong_state, bad_digest.
    """
    found = books[3][instruction]
    ctx.acts_for(found.payer)
    require(found.state == "planned", "wrong_state", f"the instruction is {found.state}")
    require(is_digest(digest), "bad_digest", "name the message by its digest")
    books[3][instruction] = replace(found, state="instructed", digest=digest)
    return books[3][instruction]


def book_line(books: Books, ctx: Context, line: StatementLine) -> StatementLine:
    """Book a line of a statement. Refuses bad_line, duplicate_line; the signer is the bank."""
    named = is_name(line.account) and is_name(line.reference) and is_name(line.money.asset)
    good = 0 < line.money.amount_minor <= AMOUNT_MINOR_MAX
    require(named and good, "bad_line", "a line has an account, a reference and an amount")
    fresh = (line.account, line.reference) not in books[4]
    require(fresh, "duplicate_line", "it was booked before", reference=line.reference)
    made = replace(line, bank=ctx.organisation, matched="")
    return books[4].add((line.account, line.reference), made)


def match_line(
    books: Books, ctx: Context, instruction: str, account: str, reference: str
) -> Instruction:
    """Say which statement line pays an instruction; its payee says so.

    Refuses not_found, wrong_organisation, currency_mismatch, already_settled, amount_mismatch,
    duplicate_line, leg_missing.
    """
    found, line = books[3][instruction], books[4][account, reference]
    ctx.acts_for(found.payee)
    check_match(found, line)
    require(found.swap == "", "leg_missing", "it moves with its other leg", swap=found.swap)
    return settle(books, found, line)


def open_swap(books: Books, ctx: Context, swap: str, leg_a: str, leg_b: str) -> Swap:
    """Tie two instructions between two parties, one each way; one of them says so.

    Refuses not_found, wrong_organisation, already_settled, leg_missing, already_exists.
    """
    a, b = books[3][leg_a], books[3][leg_b]
    ctx.acts_for(a.payer, a.payee)
    unpaid = a.state in ("planned", "instructed") and b.state in ("planned", "instructed")
    require(unpaid and a.swap == b.swap == "", "already_settled", "a leg went elsewhere")
    crossed = a.payer == b.payee and a.payee == b.payer and a.round == b.round == ""
    require(crossed and is_name(swap), "leg_missing", "the legs go from each party to the other")
    made = books[5].add(swap, Swap(leg_a=leg_a, leg_b=leg_b))
    books[3][leg_a] = replace(a, swap=swap)
    books[3][leg_b] = replace(b, swap=swap)
    return made


def complete_swap(
    books: Books, ctx: Context, swap: str, line_a: tuple[str, str], line_b: tuple[str, str]
) -> Swap:
    """Match both legs of a swap at once; one of its parties says so.

    Refuses not_found, wrong_organisation, currency_mismatch, already_settled, amount_mismatch,
    duplicate_line, leg_missing.
    """
    found = books[5][swap]
    a, b = books[3][found.leg_a], books[3][found.leg_b]
    one, other = books[4][line_a], books[4][line_b]
    ctx.acts_for(a.payer, a.payee)
    check_match(a, one)
    check_match(b, other)
    require(line_a != line_b, "leg_missing", "each leg has a line of its own")
    settle(books, a, one)
    settle(books, b, other)
    books[5][swap] = replace(found, state="done")
    return books[5][swap]


def untie_swap(books: Books, ctx: Context, swap: str, today: Date) -> Swap:
    """Let the legs of an overdue swap go their own ways; neither has moved.

    Refuses not_found, wrong_organisation, wrong_state, too_early.
    """
    found = books[5][swap]
    a, b = books[3][found.leg_a], books[3][found.leg_b]
    ctx.acts_for(a.payer, a.payee)
    require(found.state == "open", "wrong_state", f"the swap is {found.state}")
    require(a.due < today and b.due < today, "too_early", "it is not overdue")
    books[3][a.id] = replace(a, swap="")
    books[3][b.id] = replace(b, swap="")
    books[5][swap] = replace(found, state="untied")
    return books[5][swap]


def default_on(books: Books, ctx: Context, instruction: str, today: Date) -> Obligation:
    """Say that an instruction was not paid in time: its payer owes the amount anew.

    Refuses not_found, wrong_organisation, too_early, already_settled, leg_missing.
    """
    found = books[3][instruction]
    ctx.acts_for(found.payee)
    require(found.due < today, "too_early", "it is not overdue", due=found.due)
    unpaid = found.state in ("planned", "instructed")
    require(unpaid, "already_settled", f"the instruction is {found.state}")
    require(found.swap == "", "leg_missing", "untie the swap first", swap=found.swap)
    anew = Obligation(
        id=f"{instruction}/anew",
        debtor=found.payer,
        creditor=found.payee,
        money=found.money,
        due=today,
    )
    books[3][instruction] = replace(found, state="defaulted")
    count_down(books, found)
    return books[0].add(anew.id, anew)


def check_match(found: Instruction, line: StatementLine) -> None:
    """Refuse currency_mismatch, already_settled, amount_mismatch, duplicate_line."""
    same = found.money.asset == line.money.asset
    require(same, "currency_mismatch", "the line is of another asset", asset=line.money.asset)
    unpaid = found.state in ("planned", "instructed")
    require(unpaid, "already_settled", f"the instruction is {found.state}")
    whole = found.money.amount_minor == line.money.amount_minor
    require(whole, "amount_mismatch", "neither part nor more", due=found.money.amount_minor)
    free = line.matched == ""
    require(free, "duplicate_line", "the line paid something else", matched=line.matched)


def settle(books: Books, found: Instruction, line: StatementLine) -> Instruction:
    """Keep that a line paid an instruction, and what it was of."""
    books[3][found.id] = replace(found, state="matched")
    books[4][line.account, line.reference] = replace(line, matched=found.id)
    if found.debt != "":
        books[0][found.debt] = replace(books[0][found.debt], state="settled")
    count_down(books, found)
    return books[3][found.id]


def count_down(books: Books, found: Instruction) -> None:
    """Count an instruction of a round as dealt with; the last one settles the round."""
    if found.round != "":
        whole = books[1][found.round]
        state: Literal["netted", "settled"] = "settled" if whole.unpaid == 1 else "netted"
        books[1][found.round] = replace(whole, unpaid=whole.unpaid - 1, state=state)


def add_net(nets: Nets, found: Round, party: OrganisationId, amount: int) -> Round:
    """Add to a party's sum; return the round with what is payable then, and how many take part."""
    before = nets.get((found.id, party))
    old = 0 if before is None else before
    after = old + amount
    require(abs(after) <= AMOUNT_MINOR_MAX, "too_many", "the sum is beyond 2^53 - 1")
    nets[found.id, party] = after
    more = max(after, 0) - max(old, 0)
    fresh = 1 if before is None else 0
    return replace(found, parties=found.parties + fresh, payable=found.payable + more)


def is_own_name(text: str) -> bool:
    """Whether ``text`` is a name that this pattern makes none of: without a slash."""
    return is_name(text) and "/" not in text


def is_settled_once(
    books: Books,
    obligations: list[Written[Obligation]],
    nets: list[Written[int]],
    instructions: list[Written[Instruction]],
    lines: list[Written[StatementLine]],
) -> bool:
    """Whether sums stay zero, payments are the sums, and nothing is paid twice or half."""
    sums: dict[str, int] = {}
    for row in nets:
        if row.after is None:
            return False
        change = row.after - (0 if row.before is None else row.before)
        sums[row.key[0]] = sums.get(row.key[0], 0) + change
    balanced = all(total == 0 for total in sums.values())
    good = all(is_debt(one.before, one.after) for one in obligations)
    good = good and all(is_payment(books, one.before, one.after) for one in instructions)
    good = good and all(is_line(one.before, one.after) for one in lines)
    return balanced and good and are_nets(books[1], books[2], instructions)


def are_nets(rounds: Rounds, nets: Nets, instructions: list[Written[Instruction]]) -> bool:
    """Whether the new payments of a round are, party by party, the sums of the round."""
    moved: dict[str, int] = {}
    paid: dict[str, int] = {}
    for one in instructions:
        made = one.after
        if one.before is None and made is not None and made.round != "":
            amount = made.money.amount_minor
            paid[made.round] = paid.get(made.round, 0) + amount
            payer, payee = f"{made.round} {made.payer}", f"{made.round} {made.payee}"
            moved[payer] = moved.get(payer, 0) - amount
            moved[payee] = moved.get(payee, 0) + amount
    for one in instructions:
        made = one.after
        if one.before is None and made is not None and made.round != "":
            for party in (made.payer, made.payee):
                if nets.get((made.round, party)) != moved[f"{made.round} {party}"]:
                    return False
    return all(rounds[name].payable == paid[name] for name in paid)


def is_debt(before: Obligation | None, after: Obligation | None) -> bool:
    """Whether a debt keeps its parties and amount, and goes one way, to one place."""
    if after is None or before is None:
        return after is not None and after.state == "open" and after.money.amount_minor > 0
    kept = replace(before, state=after.state, where=after.where) == after
    joined = before.state == "open" and after.state == "in_round" and after.where != ""
    paid = before.state == "in_round" and after.state == "settled" and before.where == after.where
    return kept and (joined or paid)


def is_payment(books: Books, before: Instruction | None, after: Instruction | None) -> bool:
    """Whether an instruction keeps its amount, ends once, and takes its other leg along."""
    if after is None or before is None:
        return after is not None and after.state == "planned" and after.money.amount_minor > 0
    kept = replace(before, state=after.state, digest=after.digest, swap=after.swap) == after
    unpaid = before.state in ("planned", "instructed")
    if before.swap not in ("", after.swap):
        return kept and before.state == after.state and books[5][before.swap].state == "untied"
    if after.state != "matched" or after.swap == "":
        return kept and unpaid
    swap = books[5][after.swap]
    both = books[3][swap.leg_a].state == "matched" and books[3][swap.leg_b].state == "matched"
    return kept and unpaid and both and swap.state == "done"


def is_line(before: StatementLine | None, after: StatementLine | None) -> bool:
    """Whether a statement line is new, or pays its one instruction now."""
    if after is None or before is None:
        return after is not None and after.matched == ""
    return before.matched == "" and replace(before, matched=after.matched) == after
