"""How far features are from what all other features of the same item predict."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from domain.diagnosis.items.expected_features import LEAST_OTHERS, spreads_off

Bools = npt.NDArray[np.bool_]


def related(seed: int) -> tuple[pd.DataFrame, Bools]:
    """Twelve numbers, two of them with long tails, and two texts, all of three traits; our rows."""
    chance = np.random.default_rng(seed)
    traits = chance.normal(size=(400, 3))
    values = traits @ chance.normal(size=(3, 14)) + 0.4 * chance.normal(size=(400, 14))
    columns: dict[str, object] = {f"n{place}": values[:, place] for place in range(12)}
    columns |= {f"n{place}": np.exp(values[:, place]) for place in (3, 7)}
    columns |= {f"t{place}": np.where(values[:, place] > 0, "high", "low") for place in (12, 13)}
    return pd.DataFrame(columns), np.arange(400) < 60


@pytest.mark.parametrize("name", ["n0", "n3", "n7"])
@pytest.mark.parametrize("seed", [1, 2])
def test_values_of_other_rows_are_off_though_each_is_usual_by_itself(name: str, seed: int) -> None:
    rows, mine = related(seed)
    healthy = spreads_off(rows[mine], rows[~mine], list(map(str, rows)))
    assert max(healthy.values()) < 1.2
    rows.loc[mine, name] = rows.loc[mine, name].to_numpy()[::-1]
    found = spreads_off(rows[mine], rows[~mine], list(map(str, rows)))
    assert max(found, key=lambda one: found[one]) == name
    assert found[name] > 2 * healthy[name]


def test_units_do_not_matter() -> None:
    rows, mine = related(3)
    other = rows.assign(n1=1_000 * rows["n1"] + 7, n2=np.exp(rows["n2"]))
    plain, scaled = (spreads_off(one[mine], one[~mine], list(map(str, one))) for one in (rows, other))
    assert scaled == pytest.approx(plain)


def test_what_nobody_has_and_what_is_not_set_is_passed_over() -> None:
    rows, mine = related(4)
    rows["n5"] = np.nan
    rows.loc[mine, "n6"] = np.nan
    rows.loc[~mine & (rows.index % 3 == 0), "n8"] = np.nan
    found = spreads_off(rows[mine], rows[~mine], list(map(str, rows)))
    assert "n5" not in found
    assert "n6" not in found
    assert found["n8"] < 1.2


def test_of_few_others_nothing_is_learned() -> None:
    rows, _ = related(5)
    few = np.arange(len(rows)) < LEAST_OTHERS - 1
    assert spreads_off(rows[~few], rows[few], list(map(str, rows))) == {}
