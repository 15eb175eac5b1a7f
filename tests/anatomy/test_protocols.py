"""Protocols: within what scanners used, and fitted as it is said."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.random import RandomState, default_rng

from spinesynth.anatomy.protocol_fit import QUANTILE_LEVELS, fit_group, fit_protocols
from spinesynth.anatomy.protocols import (
    NULLED_TISSUE,
    OPPOSED_TE_MS,
    PROTOCOL_FAMILIES,
    Protocol,
    Sequence,
    draw_protocol,
)
from spinesynth.anatomy.relaxation import tissue_mr
from spinesynth.anatomy.tissues import Tissue
from spinesynth.strict_yaml import load_strict

_DRAWS = 400
_NAMES = ("tr_ms", "te_ms", "echo_train_length")


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    text = (resources.files("spinesynth.anatomy") / "protocol_table.yaml").read_text("utf-8")
    content: dict[str, Any] = load_strict(text)
    return content


def _draw(sequence: Sequence, field_t: float | None = None, count: int = _DRAWS) -> list[Protocol]:
    random = RandomState(7)
    return [draw_protocol(random, sequences=(sequence,), field_t=field_t) for _ in range(count)]


def test_families_hold_every_sequence_once() -> None:
    listed = [sequence for family in PROTOCOL_FAMILIES.values() for sequence in family]
    assert sorted(listed) == sorted(Sequence)


@pytest.mark.parametrize("sequence", Sequence)
def test_every_draw_is_possible(sequence: Sequence) -> None:
    for protocol in _draw(sequence):
        assert protocol.sequence is sequence
        assert protocol.field_t in (1.5, 3.0)
        assert protocol.te_ms < protocol.tr_ms
        # the effective echo is one of the train, the last at the latest
        assert protocol.te_ms <= protocol.echo_train_length * protocol.echo_spacing_ms + 1e-9
        assert (protocol.ti_ms is None) == (sequence not in NULLED_TISSUE)
        gradient = sequence in (Sequence.GRE, Sequence.BSSFP, Sequence.DIXON)
        assert (protocol.flip_deg is None) != gradient


@pytest.mark.parametrize("sequence", PROTOCOL_FAMILIES["spider"])
def test_fitted_draws_stay_within_observations(sequence: Sequence, table: dict[str, Any]) -> None:
    for key, group in table["fitted"][sequence].items():
        for protocol in _draw(sequence, float(key.removesuffix(" T"))):
            for name, quantiles in group["quantiles"].items():
                assert quantiles[0] <= getattr(protocol, name) <= quantiles[-1]


@pytest.mark.parametrize("sequence", [Sequence.T1_TSE, Sequence.T2_TSE])
@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_fitted_draws_keep_medians_and_correlations(
    sequence: Sequence, field_t: float, table: dict[str, Any]
) -> None:
    group = table["fitted"][sequence][f"{field_t:g} T"]
    draws = pd.DataFrame(
        [[getattr(p, name) for name in _NAMES] for p in _draw(sequence, field_t, 1500)],
        columns=list(_NAMES),
    )
    for name in _NAMES:
        low, _, high = group["quantiles"][name][2:5]
        assert low <= draws[name].median() <= high
    ranks = draws.corr(method="spearman").to_numpy()
    wanted = np.array(group["correlation"])
    strong = np.abs(wanted) > 0.2
    # ties weaken rank correlations; their sign stays, four sampling errors of 0.026 away from 0
    assert (np.sign(ranks[strong]) == np.sign(wanted[strong])).all()
    assert (np.abs(ranks[strong]) > 0.1).all()


def test_fields_are_drawn_as_often_as_observed(table: dict[str, Any]) -> None:
    groups = table["fitted"]["t1_tse"]
    share = groups["3 T"]["series"] / (groups["1.5 T"]["series"] + groups["3 T"]["series"])
    drawn = np.mean([protocol.field_t == 3.0 for protocol in _draw(Sequence.T1_TSE, count=2000)])
    assert drawn == pytest.approx(share, abs=0.045)  # four sampling errors of 0.011


def test_thesis_family_fills_its_ranges() -> None:
    assert PROTOCOL_FAMILIES["thesis"] == (Sequence.SPIN_ECHO,)
    protocols = _draw(Sequence.SPIN_ECHO)
    te, tr = (np.array([getattr(p, name) for p in protocols]) for name in ("te_ms", "tr_ms"))
    assert 5 <= te.min() < 8
    assert 97 < te.max() <= 100
    assert 200 <= tr.min() < 250
    assert 2950 < tr.max() <= 3000
    assert {protocol.echo_train_length for protocol in protocols} == {1}


@pytest.mark.parametrize(("sequence", "most"), [(Sequence.STIR, 0.24), (Sequence.FLAIR, 0.12)])
def test_inversion_time_is_about_the_null(sequence: Sequence, most: float) -> None:
    """From 0.7 (0.85) of the null on at most |1 - 2**0.3| = 0.23 (|1 - 2**0.15| = 0.11) is left.

    With A = 1 + exp(-TR/T1), A - 2 exp(-r TI0/T1) is A (1 - (2/A)**(1 - r)), largest
    for A = 1 and the least r.
    """
    assert set(NULLED_TISSUE) == {Sequence.STIR, Sequence.FLAIR}
    for protocol in _draw(sequence):
        t1 = tissue_mr(NULLED_TISSUE[sequence], protocol.field_t).t1_ms.mean
        assert protocol.ti_ms is not None
        left = 1 - 2 * math.exp(-protocol.ti_ms / t1) + math.exp(-protocol.tr_ms / t1)
        assert abs(left) < most


def test_stir_leaves_water_at_both_fields() -> None:
    for protocol in _draw(Sequence.STIR):
        nucleus = tissue_mr(Tissue.NUCLEUS, protocol.field_t).t1_ms.mean
        assert protocol.ti_ms is not None
        assert abs(1 - 2 * math.exp(-protocol.ti_ms / nucleus)) > 0.4


def test_dixon_echoes_are_opposed_or_in_phase() -> None:
    """Water and fat are 3.4 ppm apart: opposed at 1 / (2 x 3.4 ppm x 42.58 MHz/T x B0)."""
    for field_t, opposed in OPPOSED_TE_MS.items():
        assert opposed == pytest.approx(1e3 / (2 * 3.4 * 42.58 * field_t), abs=0.15)
        echoes = {protocol.te_ms for protocol in _draw(Sequence.DIXON, field_t)}
        assert echoes == {opposed, 2 * opposed}


def test_bssfp_echo_is_in_the_middle() -> None:
    assert all(protocol.te_ms == protocol.tr_ms / 2 for protocol in _draw(Sequence.BSSFP, count=20))


def test_volumes_turn_magnetisation_back() -> None:
    assert all(protocol.driven_equilibrium for protocol in _draw(Sequence.T2_SPACE, count=5))
    assert not any(protocol.driven_equilibrium for protocol in _draw(Sequence.T2_TSE, count=5))


@pytest.mark.parametrize("make", [RandomState, default_rng])
def test_draws_repeat_by_seed(make: type[RandomState]) -> None:
    sequences = tuple(Sequence)
    first, again = make(2), make(2)
    protocols = [draw_protocol(first, sequences=sequences) for _ in range(40)]
    assert protocols == [draw_protocol(again, sequences=sequences) for _ in range(40)]
    assert len({protocol.sequence for protocol in protocols}) > 5


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="sequences must name at least one of t1_tse"):
        draw_protocol(RandomState(0), sequences=())
    with pytest.raises(ValueError, match=r"field_t of t2_space must be one of 1\.5, got 3"):
        draw_protocol(RandomState(0), sequences=(Sequence.T2_SPACE,), field_t=3.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"te_ms": 500.0}, r"te_ms must be in \(0, tr_ms=400\.0\), got 500"),
        ({"te_ms": 0.0}, r"te_ms must be in \(0, tr_ms=400\.0\), got 0"),
        ({"echo_train_length": 50}, r"must end before tr_ms=400\.0, got 500\.0 ms"),
        ({"ti_ms": 395.0}, r"must end before tr_ms=400\.0, got 405\.0 ms"),
    ],
)
def test_impossible_protocols_are_refused(wrong: dict[str, Any], message: str) -> None:
    good = {"te_ms": 10.0, "tr_ms": 400.0, "echo_spacing_ms": 10.0, "field_t": 3.0}
    with pytest.raises(ValueError, match=message):
        Protocol(sequence=Sequence.T1_TSE, **{**good, **wrong})


def test_fit_recovers_a_copula() -> None:
    """Normal scores of correlation -0.6, through two monotone curves; 5 % are shrunk away."""
    random = RandomState(0)
    scores = random.multivariate_normal([0, 0], [[1, -0.6], [-0.6, 1]], size=4000)
    fit = fit_group({"tr_ms": np.exp(scores[:, 0]), "te_ms": 100 + 10 * scores[:, 1]})
    # sampling error of the correlation is (1 - 0.36) / sqrt(4000) = 0.01
    assert fit["correlation"][0][1] == pytest.approx(-0.6 * 0.95, abs=0.03)
    assert fit["quantiles"]["te_ms"][QUANTILE_LEVELS.index(0.5)] == pytest.approx(100, abs=1)
    assert fit["series"] == 4000


def test_fit_of_ties_and_constants() -> None:
    """Mean ranks 2, 2, 2, 4, 5 against 1 to 5: rho = 8 / sqrt(8 x 10) = 2 / sqrt(5)."""
    fit = fit_group({"a": [1, 1, 1, 2, 3], "b": [1, 2, 3, 4, 5], "c": [5, 5, 5, 5, 5]})
    expected = 0.95 * 2 * math.sin(math.pi * 2 / math.sqrt(5) / 6)
    assert fit["correlation"][0][1] == pytest.approx(expected, abs=0.006)  # rounded to 0.01
    assert fit["correlation"][2] == [0, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a": [1, 2], "b": [1, 2]}, r"at least 3, got \[2, 2\]"),
        ({"a": [1, 2, 3], "b": [1, 2]}, r"equally many values, at least 3, got \[3, 2\]"),
        ({"a": [1, 2, 0], "b": [1, 2, 3]}, "must be finite and > 0"),
    ],
)
def test_impossible_columns_are_refused(wrong: dict[str, list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_group(wrong)


def test_series_are_sorted_by_name_and_dimension() -> None:
    overview: dict[str, list[str] | list[float]] = {
        "new_file_name": ["1_t1", "1_t2", "2_t2", "3_t2_SPACE"] * 3,
        "MRAcquisitionType": ["2D", "2D", "3D", "3D"] * 3,
        "MagneticFieldStrength": [1.5] * 12,
        "RepetitionTime": [500.0, 3000.0, 1000.0, 1100.0] * 3,
        "EchoTime": [10.0, 100.0, 124.0, 124.0] * 3,
        "EchoTrainLength": [3.0, 17.0, 60.0, 60.0] * 3,
    }
    fit = fit_protocols(overview, least_series=3)
    assert {kind: groups["1.5 T"]["series"] for kind, groups in fit.items()} == {
        "t1_tse": 3,
        "t2_tse": 3,
        "t2_space": 6,
    }
    assert fit_protocols(overview, least_series=4).keys() == {"t2_space"}


@pytest.mark.real
def test_table_is_the_fit_of_spider(real_data_dir: Path, table: dict[str, Any]) -> None:
    path = real_data_dir / "spider_meta" / "overview.csv"
    if not path.is_file():
        pytest.skip("the real data hold no spider_meta/overview.csv")
    frame = pd.read_csv(path)
    assert fit_protocols({str(name): frame[name].to_numpy() for name in frame}) == table["fitted"]
