"""Contract cases of fields, resolution, blur and noise."""

from __future__ import annotations

from spinesynth.transforms import RandGammaCurve, RandMagnitudeNoise
from tests.transforms.contract_case import Case

CASES: dict[str, Case] = {
    "RandAcquiredResolution": Case(
        parameters={"resolution_mm": (1.5, 4.0)}, neutral={"resolution_mm": (1.0, 1.0)}
    ),
    "RandAcquiredResolution of boxes": Case(
        parameters={
            "resolution_mm": (0.5, 2.0),
            "profile": "box",
            "orientation": "random",
            "thickness_mm": (2.0, 5.0),
            "gap_mm": (0.1, 1.0),
        },
        neutral={"resolution_mm": (0.3, 1.0), "thickness_mm": (0.3, 1.0), "gap_mm": (0.0, 0.0)},
    ),
    "RandAcquiredResolution of ringing": Case(
        parameters={
            "resolution_mm": (1.5, 3.0),
            "profile": "sinc",
            "orientation": "axial",
            "thickness_mm": (2.0, 3.0),
        },
        neutral={"resolution_mm": (0.5, 0.5), "thickness_mm": (0.5, 1.0)},
    ),
    "RandAcquiredResolution with noise": Case(
        parameters={
            "resolution_mm": (1.0, 3.0),
            "during": [
                RandMagnitudeNoise((0.02, 0.1), kind="chi", coils=2, g_factor=(1.2, 2.0)),
                RandGammaCurve(prob=0.5),
            ],
        },
        neutral={
            "resolution_mm": (1.0, 1.0),
            "during": [RandMagnitudeNoise((0.0, 0.0)), RandGammaCurve((0.0, 0.0), prob=0.5)],
        },
    ),
    "RandBiasGain": Case(parameters={"strength": (0.3, 0.5)}, neutral={"strength": (0.0, 0.0)}),
    "RandGaussianBlur": Case(neutral={"sigma_vox": (0.0, 0.0)}),
    "RandDirectionalBlur": Case(neutral={"sigma_vox": (0.0, 0.0)}),
    "RandMagnitudeNoise": Case(
        parameters={"correlation_vox": (0.5, 1.0)}, neutral={"sigma": (0.0, 0.0)}
    ),
    "RandMagnitudeNoise of Gauss": Case(
        parameters={"kind": "gaussian"}, neutral={"kind": "gaussian", "sigma": (0.0, 0.0)}
    ),
    "RandMagnitudeNoise of coils": Case(
        parameters={"kind": "chi", "coils": 4, "g_factor": (1.0, 2.5)},
        neutral={"sigma": (0.0, 0.0), "g_factor": (1.0, 1.0)},
    ),
    "RandSaturationBand": Case(neutral={"remaining": (1.0, 1.0)}),
    "RandSurfaceCoil": Case(neutral={"floor": (1.0, 1.0)}),
}
