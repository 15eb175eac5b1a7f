"""Contract cases of the transforms of intensity."""

from __future__ import annotations

from tests.transforms.contract_case import Case, make_binary

CASES: dict[str, Case] = {
    "MinMaxNormalise": Case(neutral_make=make_binary, random=False),
    "PercentileNormalise": Case(neutral_make=make_binary, random=False),
    "RandGammaCurve": Case(parameters={"log_gamma": (0.2, 0.4)}, neutral={"log_gamma": (0.0, 0.0)}),
    "RandSaturation": Case(
        parameters={"high_percentile": (60.0, 90.0), "low_percentile": (5.0, 20.0)},
        neutral={"high_percentile": (100.0, 100.0), "low_percentile": (0.0, 0.0)},
    ),
}
