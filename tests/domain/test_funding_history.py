"""Funding over a year as Binance charged it, against an independent computation."""

from decimal import Decimal

import pandas as pd

from domain.funding import due, payment
from domain.ledger import booked, funding
from domain.market import MarkPrice, Side
from domain.units import MILLISECOND, Nanos, Price
from tests.builders import a_position, an_account, an_entry
from tests.shared import shared

SIZE = "0.0137"


def charges_of_2024() -> pd.DataFrame:
    """Time [ms], rate and price of each settlement.

    The archive has no mark prices for 2024, so the open of the settlement's minute stands in.
    """
    funding = pd.read_parquet(shared("funding/BTCUSDT-USDM-8h.parquet"))
    minutes = pd.read_parquet(
        shared("klines/BTCUSDT-1m.parquet"), columns=["open_time", "open"]
    ).set_index("open_time")
    ms = (funding["funding_time"] + 30_000) // 60_000 * 60_000
    table = funding.assign(ms=ms, rate=funding["funding_rate"])
    table = table[pd.to_datetime(ms, unit="ms").dt.year == 2024]
    return table.assign(price=minutes["open"].reindex(table["ms"]).to_numpy() / 100)


def paid_by_integers(table: pd.DataFrame) -> int:
    """What a long pays over the year [1e-8 USDT], without a Decimal and without a float's error."""
    cents, rate = (table["price"] * 100).round(), (table["rate"] * 1e8).round()
    exact = cents.astype("int64") * rate.astype("int64") * round(float(SIZE) * 1e4)  # 1e-14 USDT
    whole, rest = exact // 10**6, exact % 10**6
    up = (rest > 500_000) | ((rest == 500_000) & (whole % 2 == 1))
    return int((whole + up).sum())


def test_position_held_through_2024_pays_what_pandas_computes_to_a_hundred_millionth() -> None:
    table = charges_of_2024()
    assert len(table) == 366 * 3
    assert table["price"].notna().all()

    account = an_account(position=a_position(side=Side.BUY, size=SIZE))
    for row in table.itertuples():
        at = Nanos(int(row.ms) * MILLISECOND)
        mark = MarkPrice(at, Price(Decimal(str(row.price))), Decimal(str(row.rate)), at)
        assert due(Nanos(at - 1), mark) == at
        assert account.position is not None
        amount = payment(account.position, mark.mark, mark.rate)
        account, _ = booked(account, funding(amount, an_entry(at=at)))

    assert abs(float(account.funding) + paid_by_integers(table) / 1e8) < 1e-8
    assert account.position is not None
    assert account.position.costs == -account.funding
