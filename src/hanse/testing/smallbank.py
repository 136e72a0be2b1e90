# SPDX-License-Identifier: Apache-2.0
"""SmallBank: the six transactions of the well-known benchmark, as a contract.

Source of the workload: M. Alomari et al., The Cost of Serializability on Platforms That Use
Snapshot Isolation, ICDE 2008. Amounts are minor units.
"""

from hanse.contracts import (
    App,
    Change,
    Context,
    Contract,
    Map,
    Value,
    action,
    invariant,
    query,
    record,
    require,
)

AMOUNT_MAX = 1_000_000_000_000  # minor units of one payment
BALANCE_MAX = 1_000_000_000_000_000  # minor units of one account, and of all together
PENALTY_MINOR = 1  # taken for a cheque that is not covered


@record
class Account:
    """What a customer has."""

    checking: int
    savings: int


@record
class Issued:
    """All money that came in from outside, less what went out."""

    amount_minor: int


class SmallBank(Contract):
    """A bank with two accounts for each customer."""

    name = "smallbank"

    accounts: Map[str, Account]
    issued: Value[Issued]

    @action(role=None)
    def create_account(self, ctx: Context, account: str, checking: int, savings: int) -> None:
        """Open an account with its first balances. Rejects: bad_amount, already_exists."""
        self._check(checking, 0)
        self._check(savings, 0)
        self.accounts.add(account, Account(checking=checking, savings=savings))
        self._issue(ctx, checking + savings)

    @action(role=None)
    def send_payment(self, ctx: Context, source: str, target: str, amount_minor: int) -> None:
        """Move money between the checking balances of two customers.

        Rejects: bad_amount, same_account, not_found, insufficient_amount, too_much_money.
        """
        self._check(amount_minor)
        require(source != target, "same_account", "name two accounts")
        payer, payee = self.accounts[source], self.accounts[target]
        require(payer.checking >= amount_minor, "insufficient_amount", "the balance is lower")
        self._put(ctx, source, payer.checking - amount_minor, payer.savings)
        self._put(ctx, target, payee.checking + amount_minor, payee.savings)

    @action(role=None)
    def deposit_checking(self, ctx: Context, account: str, amount_minor: int) -> None:
        """Pay money in. Rejects: bad_amount, not_found, too_much_money."""
        self._check(amount_minor)
        held = self.accounts[account]
        self._put(ctx, account, held.checking + amount_minor, held.savings)
        self._issue(ctx, amount_minor)

    @action(role=None)
    def transact_savings(self, ctx: Context, account: str, amount_minor: int) -> None:
        """Pay into the savings, or out of them when the amount is negative.

        Rejects: bad_amount, not_found, insufficient_amount, too_much_money.
        """
        self._check(abs(amount_minor))
        held = self.accounts[account]
        left = held.savings + amount_minor
        require(left >= 0, "insufficient_amount", "the savings are lower")
        self._put(ctx, account, held.checking, left)
        self._issue(ctx, amount_minor)

    @action(role=None)
    def amalgamate(self, ctx: Context, source: str, target: str) -> None:
        """Move all that one customer has to the checking balance of another.

        Rejects: same_account, not_found, insufficient_amount, too_much_money.
        """
        require(source != target, "same_account", "name two accounts")
        giver, taker = self.accounts[source], self.accounts[target]
        total = giver.checking + giver.savings
        require(total >= 0, "insufficient_amount", "the source is overdrawn")
        self._put(ctx, source, 0, 0)
        self._put(ctx, target, taker.checking + total, taker.savings)

    @action(role=None)
    def write_check(self, ctx: Context, account: str, amount_minor: int) -> None:
        """Pay a cheque out of the checking balance, with a penalty where both do not cover it.

        Rejects: bad_amount, not_found, too_much_money.
        """
        self._check(amount_minor)
        held = self.accounts[account]
        covered = held.checking + held.savings >= amount_minor
        paid = amount_minor if covered else amount_minor + PENALTY_MINOR
        self._put(ctx, account, held.checking - paid, held.savings)
        self._issue(ctx, -paid)

    @query
    def balance(self, ctx: Context, account: str) -> int:
        """Return what a customer has in both accounts. Rejects: not_found."""
        held = self.accounts[account]
        return held.checking + held.savings

    @invariant
    def money_is_conserved(self, ctx: Context, change: Change) -> bool:
        """Balances change by what came in from outside; a payment changes nothing in all."""
        moved = 0
        for account in change.of(self.accounts):
            moved += _total(account.after) - _total(account.before)
        for issued in change.of(self.issued):
            before = 0 if issued.before is None else issued.before.amount_minor
            after = 0 if issued.after is None else issued.after.amount_minor
            moved -= after - before
        return moved == 0

    def _check(self, amount_minor: int, least: int = 1) -> None:
        right = least <= amount_minor <= AMOUNT_MAX
        require(right, "bad_amount", "an amount is above zero, up to 10^12", least=least)

    def _put(self, ctx: Context, account: str, checking: int, savings: int) -> None:
        small = max(abs(checking), abs(savings)) <= BALANCE_MAX
        require(small, "too_much_money", "more than one account holds", signer=ctx.member)
        self.accounts[account] = Account(checking=checking, savings=savings)

    def _issue(self, ctx: Context, amount_minor: int) -> None:
        issued = self.issued.get()
        total = amount_minor + (0 if issued is None else issued.amount_minor)
        require(abs(total) <= BALANCE_MAX, "too_much_money", "more than there is", tx=ctx.tx)
        self.issued.set(Issued(amount_minor=total))


def _total(account: Account | None) -> int:
    return 0 if account is None else account.checking + account.savings


APP = App(name="smallbank", title="SmallBank", contracts=(SmallBank,))
