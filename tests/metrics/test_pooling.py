"""Both ways of pooling give what they are called, and their intervals come from patients."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from spinesynth.metrics import POOLINGS, pool_instances


def _table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["patient_id", "case_id", "value"]).assign(metric="dice")


def _means(table: pd.DataFrame) -> dict[str, float]:
    pooled = pool_instances(table, ["metric"])
    return dict(zip(pooled["pooling"], pooled["mean"], strict=True))


def test_the_two_ways_by_hand() -> None:
    # p: a scan of two instances (mean 0.5) and one of one (1.0); q: one of one (0.0)
    table = _table(("p", "p1", 1.0), ("p", "p1", 0.0), ("p", "p2", 1.0), ("q", "q1", 0.0))
    assert _means(table) == {
        "mean_over_cases": pytest.approx((0.75 + 0.0) / 2),
        "pooled_instances": pytest.approx(2 / 4),
    }


def test_the_two_ways_agree_where_every_patient_has_as_many() -> None:
    values = np.random.default_rng(3).random((4, 5))
    table = _table(*((f"p{p}", f"p{p}", v) for p in range(4) for v in values[p]))
    pooled = pool_instances(table, ["metric"], seed=7)
    first, second = (pooled[pooled["pooling"] == name].iloc[0] for name in POOLINGS)
    for column in ("mean", "low", "high"):  # the same patients are drawn
        assert first[column] == pytest.approx(second[column])
    assert first["mean"] == pytest.approx(values.mean())


def test_undefined_instances_are_left_out_and_counted() -> None:
    table = _table(("p", "p1", 0.5), ("p", "p1", math.nan), ("q", "q1", math.nan))
    pooled = pool_instances(table, ["metric"])
    assert pooled["mean"].tolist() == [0.5, 0.5]
    counts = ["n_patients", "n_cases", "n_instances", "n_excluded"]
    assert pooled[counts].to_numpy().tolist() == [[1, 1, 1, 2]] * 2
    assert pooled["low"].isna().all()  # one patient has no interval


def test_nothing_defined_has_no_mean() -> None:
    pooled = pool_instances(_table(("p", "p1", math.nan)), ["metric"])
    assert pooled["mean"].isna().all()
    assert pooled["n_patients"].tolist() == [0, 0]


def test_instances_of_one_patient_do_not_narrow_the_interval() -> None:
    few = _table(*((f"p{p}", f"p{p}", p / 5) for p in range(6)))
    many = pd.concat([few] * 10, ignore_index=True)
    columns = ["pooling", "mean", "low", "high"]
    first, second = (pool_instances(table, ["metric"])[columns] for table in (few, many))
    pd.testing.assert_frame_equal(first, second)
