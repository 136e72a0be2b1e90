# SPDX-License-Identifier: Apache-2.0
"""SmallBank: the benchmark contract of the field (Alomari and others, ICDE 2008), as ours."""

from hanse.contracts import (
    App,
    Context,
    Contract,
    Map,
    action,
    query,
    record,
    replace,
    require,
)


@record
class Account:
    """A customer's two balances in minor units."""

    checking: int
    savings: int


class SmallBank(Contract):
    """Accounts with a checking and a savings balance; any member may act."""

    name = "smallbank"

    accounts: Map[str, Account]

    @action(role=None)
    def create_account(self, ctx: Context, account: str, checking: int, savings: int) -> None:
        """Open an account. Rejects: bad_amount, already_exists."""
        require(checking >= 0 and savings >= 0, "bad_amount", "balances begin at zero or above")
        self.accounts.add(account, Account(checking=checking, savings=savings))

    @action(role=None)
    def send_payment(self, ctx: Context, source: str, target: str, amount_minor: int) -> None:
        """Move money between checking balances.

        Rejects: bad_amount, same_account, not_found, insufficient_amount.
        """
        require(amount_minor > 0, "bad_amount", "an amount is above zero")
        require(source != target, "same_account", "choose two accounts")
        payer, payee = self.accounts[source], self.accounts[target]
        enough = payer.checking >= amount_minor
        require(enough, "insufficient_amount", "the balance is too low", have=payer.checking)
        self.accounts[source] = replace(payer, checking=payer.checking - amount_minor)
        self.accounts[target] = replace(payee, checking=payee.checking + amount_minor)

    @action(role=None)
    def deposit_checking(self, ctx: Context, account: str, amount_minor: int) -> None:
        """Pay into a checking balance. Rejects: bad_amount, not_found."""
        require(amount_minor > 0, "bad_amount", "an amount is above zero")
        held = self.accounts[account]
        self.accounts[account] = replace(held, checking=held.checking + amount_minor)

    @action(role=None)
    def transact_savings(self, ctx: Context, account: str, amount_minor: int) -> None:
        """Add to a savings balance, or take from it. Rejects: not_found, insufficient_amount."""
        held = self.accounts[account]
        left = held.savings + amount_minor
        require(left >= 0, "insufficient_amount", "the balance is too low", have=held.savings)
        self.accounts[account] = replace(held, savings=left)

    @action(role=None)
    def amalgamate(self, ctx: Context, source: str, target: str) -> None:
        """Move all of one customer's money to another's checking. Rejects: same_account, not_found."""
        require(source != target, "same_account", "choose two accounts")
        payer, payee = self.accounts[source], self.accounts[target]
        total = payer.checking + payer.savings
        self.accounts[source] = replace(payer, checking=0, savings=0)
        self.accounts[target] = replace(payee, checking=payee.checking + total)

    @action(role=None)
    def write_check(self, ctx: Context, account: str, amount_minor: int) -> None:
        """Take a cheque's amount. Rejects: bad_amount, not_found, insufficient_amount."""
        require(amount_minor > 0, "bad_amount", "an amount is above zero")
        held = self.accounts[account]
        enough = held.checking + held.savings >= amount_minor
        require(enough, "insufficient_amount", "the balances are too low")
        self.accounts[account] = replace(held, checking=held.checking - amount_minor)

    @query
    def balance(self, ctx: Context, account: str) -> int:
        """Return both balances together."""
        held = self.accounts[account]
        return held.checking + held.savings


APP = App(name="smallbank", title="SmallBank", contracts=(SmallBank,))
