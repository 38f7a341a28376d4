from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from domain.detection.expect.beta_binomial import beta_binomial_tails

shares = st.floats(0.0005, 0.9995)
dispersions = st.floats(1.0, 40.0)


def tails(observed: float, n: float, share: float, dispersion: float) -> tuple[float, float]:
    low, high = beta_binomial_tails(np.array([observed]), n, np.array([share]), dispersion)
    return float(low[0]), float(high[0])


@given(n=st.integers(2, 4_000), share=shares, dispersion=dispersions, where=st.floats(0, 1))
def test_tails_are_those_of_the_sum_over_every_count(
    n: int, share: float, dispersion: float, where: float
) -> None:
    rho = (dispersion - 1) / (n - 1)
    assume(1e-6 < rho < 0.5)
    k = round(where * n)
    mass = stats.betabinom(n, share * (1 / rho - 1), (1 - share) * (1 / rho - 1)).pmf(np.arange(n + 1))
    exact = mass[: k + 1].sum(), mass[k:].sum()
    assert np.allclose(tails(k, n, share, dispersion), exact, rtol=0, atol=1e-4)
    assert min(tails(k, n, share, dispersion)) == pytest.approx(min(exact), rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("n", [100_000, 2_000_000])
@pytest.mark.parametrize("dispersion", [1.5, 30.0, 1_000.0])
@pytest.mark.parametrize("sd", [-8.0, -3.0, -0.5, 0.5, 3.0, 8.0])
def test_a_tail_of_millions_is_the_sum_over_every_count_too(n: int, dispersion: float, sd: float) -> None:
    share, rho = 0.07, (dispersion - 1) / (n - 1)
    k = round(n * share + sd * np.sqrt(dispersion * n * share * (1 - share)))
    law = stats.betabinom(n, share * (1 / rho - 1), (1 - share) * (1 / rho - 1))
    counts = np.arange(0, k + 1) if sd < 0 else np.arange(k, n + 1)
    exact = float(np.exp(law.logpmf(counts)).sum())
    assert min(tails(k, n, share, dispersion)) == pytest.approx(exact, rel=1e-4)


@given(n=st.integers(1, 10_000), share=shares, where=st.floats(0, 1))
def test_without_over_dispersion_it_is_the_binomial(n: int, share: float, where: float) -> None:
    k = round(where * n)
    exact = stats.binom.cdf(k, n, share), stats.binom.sf(k - 1, n, share)
    assert np.allclose(tails(k, n, share, 1.0), exact, rtol=0, atol=1e-4)


@given(n=st.integers(1, 3_000), share=shares, dispersion=dispersions, where=st.floats(0, 1))
def test_what_is_left_of_one_end_is_right_of_the_other(
    n: int, share: float, dispersion: float, where: float
) -> None:
    k = round(where * n)
    low, high = tails(k, n, share, dispersion)
    mirrored = tails(n - k, n, 1 - share, dispersion)
    assert np.allclose((high, low), mirrored, rtol=0, atol=2e-4)


@given(share=shares, dispersion=dispersions, below=st.floats(1, 3))
@example(share=0.030701548790075826, dispersion=30.5, below=1.0)
def test_a_count_further_below_on_its_lattice_is_never_less_surprising(
    share: float, dispersion: float, below: float
) -> None:
    n = 1_000.0
    mean, sd = n * share, np.sqrt(dispersion * n * share * (1 - share))
    near = max(0.0, mean - sd)
    far = near - min(np.floor(near), round((below - 1) * sd))
    assert tails(far, n, share, dispersion)[0] <= tails(near, n, share, dispersion)[0] + 1e-4


def test_a_slice_judged_alone_is_judged_as_among_thousands() -> None:
    chance = np.random.default_rng(6)
    share, dispersion = chance.dirichlet(np.full(300, 0.3)) + 1e-5, 1 + chance.exponential(3, 300)
    observed = chance.poisson(9_000 * share).astype(float)
    together = np.array(beta_binomial_tails(observed, 9_000.0, share, dispersion))
    alone = [tails(observed[i], 9_000.0, share[i], dispersion[i]) for i in range(300)]
    assert np.allclose(together.T, alone, rtol=1e-9, atol=0)
