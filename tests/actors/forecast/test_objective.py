import numpy as np
import pytest
import torch

from actors.forecast import network, objective
from actors.forecast.training import END, PEAK, WARM, learning_rate, relative
from actors.forecast.windows import HORIZON
from domain.horizons import CONTEXT, LEVELS, STEPS
from tests.actors.forecast import made

LENGTH = CONTEXT + HORIZON


def _prices(volatility: float = 1e-3) -> torch.Tensor:
    closes = made.paths(64, length=LENGTH, volatility=volatility)
    return torch.tensor(closes / closes[:, CONTEXT - 1 : CONTEXT] - 1, dtype=torch.float32)


def _scored(prices: torch.Tensor, spread: float) -> float:
    """Loss of a random walk's forecast whose width is wrong by a factor."""
    mean = prices[:, :CONTEXT].mean(dim=1, keepdim=True)
    deviation = prices[:, :CONTEXT].std(dim=1, correction=0, keepdim=True)
    normal = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(LEVELS))
    move = prices[:, 1:CONTEXT].diff(dim=1).std()
    path = spread * move * normal[:, None] * torch.arange(1, HORIZON + 1).sqrt()
    scaled = (path[None] - mean[:, None]) / deviation[:, None]
    return float(objective.loss(scaled, mean, deviation, prices, torch.full((64,), 1e-3)))


def test_the_true_distribution_loses_least() -> None:
    prices = _prices()

    assert _scored(prices, 1.0) < _scored(prices, 0.6)
    assert _scored(prices, 1.0) < _scored(prices, 1.6)


def test_the_loss_is_the_same_in_a_quiet_and_in_a_wild_market() -> None:
    assert _scored(_prices(1e-4), 1.0) == pytest.approx(_scored(_prices(4e-3), 1.0), rel=0.02)


def test_a_window_that_is_wild_for_its_timeframe_counts_more() -> None:
    quiet, wild = _prices(1e-3), _prices(4e-3)
    prices = torch.cat([quiet, wild])
    mean = prices[:, :CONTEXT].mean(dim=1, keepdim=True)
    deviation = prices[:, :CONTEXT].std(dim=1, correction=0, keepdim=True)
    wrong = torch.zeros(128, len(LEVELS), HORIZON)
    wrong[64:] = 9.0

    alike, minute = (
        float(objective.loss(wrong, mean, deviation, prices, usual))
        for usual in (torch.tensor([1e-3] * 64 + [4e-3] * 64), torch.full((128,), 1e-3))
    )

    assert minute > 1.2 * alike


def test_the_steps_that_are_read_count_most() -> None:
    weights = objective.step_weights(torch.device("cpu"))

    counts = weights * torch.arange(1, HORIZON + 1).sqrt()

    assert counts.sum().item() == pytest.approx(1)
    read = counts[[step - 1 for step in STEPS]]
    assert counts.argmax() == 0
    assert read.sum() > 0.5
    assert read.min() > 4 * counts[[1, 6, 20]].max()


def test_a_market_that_never_moves_counts_nothing() -> None:
    _, moved = objective.recent_spread(torch.zeros(1, CONTEXT))

    assert not moved.item()


def test_our_pass_is_the_stock_models_pass() -> None:
    torch.manual_seed(0)
    model = network.build(network.SIZES["nano"])
    context = _prices()[:, :CONTEXT]

    with torch.no_grad():
        scaled, mean, deviation = network.raw_quantiles(model, context, half=False)
        stock = model(context=context).quantile_preds

    torch.testing.assert_close(scaled * deviation[:, None] + mean[:, None], stock)


def test_half_the_windows_are_mirrored_about_their_last_close() -> None:
    logs = np.log(made.paths(400, length=LENGTH))

    prices = relative(logs, np.random.default_rng(0))

    assert (prices[:, CONTEXT - 1] == 0).all()
    straight = np.isclose(np.log1p(prices), logs - logs[:, CONTEXT - 1 : CONTEXT]).all(axis=1)
    mirrored = np.isclose(np.log1p(prices), logs[:, CONTEXT - 1 : CONTEXT] - logs).all(axis=1)
    assert (straight ^ mirrored).all()
    assert 150 < straight.sum() < 250


def test_the_learning_rate_rises_and_falls() -> None:
    assert learning_rate(0, 0.0, PEAK) == pytest.approx(PEAK / WARM)
    assert learning_rate(WARM, 0.0, PEAK) == pytest.approx(PEAK)
    assert learning_rate(10 * WARM, 1.0, PEAK) == pytest.approx(END)
