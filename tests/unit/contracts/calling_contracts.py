# SPDX-License-Identifier: Apache-2.0
"""Contracts that call one another."""

from hanse.contracts import (
    Change,
    Context,
    Contract,
    Map,
    action,
    event,
    invariant,
    query,
    record,
    require,
)


@record
class Price:
    """What a thing costs."""

    amount_minor: int
    asked: int = 0


@event
class Asked:
    """{caller} asked for {asset}."""

    asset: str
    caller: str


@event
class Bought:
    """{asset} was bought."""

    asset: str


class Prices(Contract):
    """What things cost, and who asks."""

    uses = ("shop",)
    prices: Map[str, Price]

    @action(role="clerk")
    def set_price(self, ctx: Context, asset: str, amount_minor: int) -> None:
        """Set a price."""
        self.prices[asset] = Price(amount_minor=amount_minor)

    @action(role=None)
    def ask(self, ctx: Context, asset: str) -> Price:
        """Count who asks. Rejects: not_found, too_often."""
        price = self.prices[asset]
        require(price.asked < 2, "too_often", "ask another", asset=asset)
        self.prices[asset] = Price(amount_minor=price.amount_minor, asked=price.asked + 1)
        caller = "nobody" if ctx.caller is None else ctx.caller
        ctx.emit(Asked(asset=asset, caller=caller))
        return self.prices[asset]

    @query
    def find(self, ctx: Context, asset: str) -> Price | None:
        """Return a price."""
        return self.prices.get(asset)

    @action(role=None)
    def come_back(self, ctx: Context) -> None:
        """Call the contract that called."""
        self.prices["back"] = Price(amount_minor=1)
        ctx.call(None, "shop", "buy", asset="pen")

    @invariant
    def never_negative(self, ctx: Context, change: Change) -> bool:
        """No price is below zero."""
        return all(w.after is None or w.after.amount_minor >= 0 for w in change.of(self.prices))


@record
class Cost:
    """The shop's own idea of a price."""

    amount_minor: int
    asked: int


class Shop(Contract):
    """Sells at others' prices."""

    uses = ("prices", "gone")
    sold: Map[str, int]

    @action(role=None)
    def buy(self, ctx: Context, asset: str) -> int:
        """Buy at the price. Rejects: not_found, too_often."""
        ctx.emit(Bought(asset=asset))
        cost = ctx.call(Cost, "prices", "ask", asset=asset)
        self.sold[asset] = cost.amount_minor
        return cost.amount_minor

    @action(role=None)
    def buy_times(self, ctx: Context, asset: str, times: int) -> list[int]:
        """Buy several times. Rejects: not_found, too_often."""
        return [ctx.call(Cost, "prices", "ask", asset=asset).asked for _ in range(times)]

    @action(role=None)
    def dictate(self, ctx: Context, amount_minor: int) -> None:
        """Set a price as the signer. Rejects: not_authorised, invariant_broken."""
        self.sold["x"] = amount_minor
        ctx.call(None, "prices", "set_price", asset="x", amount_minor=amount_minor)

    @action(role=None)
    def go_round(self, ctx: Context) -> None:
        """Be called back. Rejects: call_reentered."""
        ctx.call(None, "prices", "come_back")

    @action(role=None)
    def buy_gone(self, ctx: Context) -> None:
        """Call what is not there. Rejects: unknown_contract."""
        ctx.call(None, "gone", "ask")

    @action(role=None)
    def misname(self, ctx: Context) -> None:
        """Call what the other does not have. Rejects: unknown_action."""
        ctx.call(None, "prices", "nothing")

    @action(role=None)
    def mistake(self, ctx: Context) -> None:
        """Give the other a number for a text. Rejects: bad_argument."""
        ctx.call(None, "prices", "ask", asset=1)

    @action(role=None)
    def expect_text(self, ctx: Context, asset: str) -> str:
        """Expect another answer than the other gives."""
        return ctx.call(str, "prices", "ask", asset=asset)

    @query
    def quote(self, ctx: Context, asset: str) -> int:
        """Return a price. Rejects: not_found."""
        return ctx.call(Cost, "prices", "find", asset=asset).amount_minor

    @query
    def quote_by_action(self, ctx: Context, asset: str) -> int:
        """Try to change state by a question. Rejects: unknown_action."""
        return ctx.call(Cost, "prices", "ask", asset=asset).amount_minor
