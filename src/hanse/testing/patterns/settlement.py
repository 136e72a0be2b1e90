# SPDX-License-Identifier: Apache-2.0
"""Clearing among companies: debts are netted, paid through banks, and matched."""

from hanse.contracts import Change, Context, Contract, Date, Map, action, invariant
from hanse.contracts.patterns.settlement import (
    Books,
    Instruction,
    Obligation,
    Round,
    StatementLine,
    Swap,
    book_line,
    close_round,
    complete_swap,
    default_on,
    instruct,
    instruct_single,
    is_settled_once,
    join,
    match_line,
    net,
    open_round,
    open_swap,
    owe,
    untie_swap,
)


class Clearing(Contract):
    """Many debts, few payments."""

    obligations: Map[str, Obligation]
    rounds: Map[str, Round]
    nets: Map[tuple[str, str], int]
    instructions: Map[str, Instruction]
    lines: Map[tuple[str, str], StatementLine]
    swaps: Map[str, Swap]

    @action(role="treasury")
    def owe(self, ctx: Context, new: Obligation) -> Obligation:
        """Promise to pay. Rejects: bad_obligation, already_exists."""
        return owe(self._books(), ctx, new)

    @action(role="operator")
    def open_round(self, ctx: Context, name: str, asset: str, due: Date) -> Round:
        """Begin to collect debts. Rejects: bad_round, already_exists."""
        return open_round(self._books(), ctx, name, asset, due)

    @action(role="treasury")
    def join(self, ctx: Context, name: str, obligation: str) -> Round:
        """Put a debt into a round. Rejects: not_found, wrong_organisation, wrong_state,
        currency_mismatch, already_settled, too_many.
        """
        return join(self._books(), ctx, name, obligation)

    @action(role="operator")
    def close_round(self, ctx: Context, name: str) -> Round:
        """End the collecting. Rejects: not_found, wrong_organisation, wrong_state."""
        return close_round(self._books(), ctx, name)

    @action(role="operator")
    def net(self, ctx: Context, name: str) -> list[Instruction]:
        """Turn sums into payments. Rejects: not_found, wrong_organisation, round_open,
        already_settled, net_not_zero.
        """
        return net(self._books(), ctx, name)

    @action(role="treasury")
    def pay_single(self, ctx: Context, obligation: str) -> Instruction:
        """Plan the payment of one debt. Rejects: not_found, wrong_organisation,
        already_settled.
        """
        return instruct_single(self._books(), ctx, obligation)

    @action(role="treasury")
    def instruct(self, ctx: Context, instruction: str, digest: str) -> Instruction:
        """Tell the bank. Rejects: not_found, wrong_organisation, wrong_state, bad_digest."""
        return instruct(self._books(), ctx, instruction, digest)

    @action(role="bank")
    def book_statement(self, ctx: Context, line: StatementLine) -> StatementLine:
        """Book a line. Rejects: bad_line, duplicate_line."""
        return book_line(self._books(), ctx, line)

    @action(role="treasury")
    def match(self, ctx: Context, instruction: str, account: str, reference: str) -> Instruction:
        """Say which line pays it. Rejects: not_found, wrong_organisation, currency_mismatch,
        already_settled, amount_mismatch, duplicate_line, leg_missing.
        """
        return match_line(self._books(), ctx, instruction, account, reference)

    @action(role="treasury")
    def swap(self, ctx: Context, name: str, leg_a: str, leg_b: str) -> Swap:
        """Tie two payments. Rejects: not_found, wrong_organisation, already_settled,
        leg_missing, already_exists.
        """
        return open_swap(self._books(), ctx, name, leg_a, leg_b)

    @action(role="treasury")
    def complete_swap(
        self, ctx: Context, name: str, line_a: tuple[str, str], line_b: tuple[str, str]
    ) -> Swap:
        """Match both legs. Rejects: not_found, wrong_organisation, currency_mismatch,
        already_settled, amount_mismatch, duplicate_line, leg_missing.
        """
        return complete_swap(self._books(), ctx, name, line_a, line_b)

    @action(role="treasury")
    def untie_swap(self, ctx: Context, name: str) -> Swap:
        """Let its legs go. Rejects: not_found, wrong_organisation, wrong_state, too_early."""
        return untie_swap(self._books(), ctx, name, Date.from_time(ctx.now))

    @action(role="treasury")
    def default(self, ctx: Context, instruction: str) -> Obligation:
        """Say it was not paid. Rejects: not_found, wrong_organisation, too_early,
        already_settled, leg_missing.
        """
        return default_on(self._books(), ctx, instruction, Date.from_time(ctx.now))

    @invariant
    def settled_once(self, ctx: Context, change: Change) -> bool:
        """Sums are zero, payments are the sums, nothing is paid twice or half."""
        debts, nets = change.of(self.obligations), change.of(self.nets)
        payments, lines = change.of(self.instructions), change.of(self.lines)
        return is_settled_once(self._books(), debts, nets, payments, lines)

    def _books(self) -> Books:
        return (
            self.obligations,
            self.rounds,
            self.nets,
            self.instructions,
            self.lines,
            self.swaps,
        )
