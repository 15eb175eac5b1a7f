"""Contract cases of fields, resolution, blur and noise."""

from __future__ import annotations

from tests.transforms.contract_case import Case

CASES: dict[str, Case] = {
    "RandAcquiredResolution": Case(
        parameters={"resolution_mm": (1.5, 4.0)}, neutral={"resolution_mm": (1.0, 1.0)}
    ),
    "RandBiasGain": Case(parameters={"strength": (0.3, 0.5)}, neutral={"strength": (0.0, 0.0)}),
    "RandDirectionalBlur": Case(neutral={"sigma_vox": (0.0, 0.0)}),
    "RandMagnitudeNoise": Case(
        parameters={"correlation_vox": (0.5, 1.0)}, neutral={"sigma": (0.0, 0.0)}
    ),
    "RandMagnitudeNoise of Gauss": Case(
        parameters={"kind": "gaussian"}, neutral={"kind": "gaussian", "sigma": (0.0, 0.0)}
    ),
    "RandSurfaceCoil": Case(neutral={"floor": (1.0, 1.0)}),
}
