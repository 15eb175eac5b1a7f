"""Contract cases of the transforms of intensity."""

from __future__ import annotations

from tests.transforms.contract_case import Case, make_binary

CASES: dict[str, Case] = {
    "PercentileNormalise": Case(neutral_make=make_binary, random=False),
    "RandGammaCurve": Case(parameters={"log_gamma": (0.2, 0.4)}, neutral={"log_gamma": (0.0, 0.0)}),
}
