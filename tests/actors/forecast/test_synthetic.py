import numpy as np

from actors.forecast.synthetic import log_prices


def test_made_up_markets_are_the_same_for_the_same_seed() -> None:
    first, again = (log_prices(8, 264, np.random.default_rng(3)) for _ in range(2))

    assert first.shape == (8, 264)
    np.testing.assert_array_equal(first, again)


def test_made_up_markets_are_finite_and_move() -> None:
    paths = log_prices(500, 264, np.random.default_rng(0))

    assert np.isfinite(paths).all()
    assert (np.diff(paths, axis=1).std(axis=1) > 0).all()


def test_made_up_volatility_clusters_in_a_part_of_the_markets() -> None:
    moves = np.abs(np.diff(log_prices(2_000, 264, np.random.default_rng(0)), axis=1))

    early, late = moves[:, :60].mean(axis=1), moves[:, 60:120].mean(axis=1)
    ratio = np.log(late / early)

    assert 0.05 < np.mean(np.abs(ratio) > 0.5) < 0.6


def test_made_up_moves_have_fat_tails() -> None:
    moves = np.diff(log_prices(2_000, 264, np.random.default_rng(0)), axis=1)

    standard = moves / moves.std(axis=1, keepdims=True)

    assert (standard**4).mean() > 4


def test_none_is_none() -> None:
    assert log_prices(0, 264, np.random.default_rng(0)).shape == (0, 264)
