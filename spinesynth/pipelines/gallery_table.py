"""What the gallery shows: each transform from neutral to strong, each recipe on its own sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

#: Voxels of the pictures along J and K, of 1 mm, and how many more the maps have on every side,
#: so that a patch may turn within them.
PICTURE_SHAPE, WIDER = (192, 240), 16

#: What a transform is given: a clean image; the same wider than the picture; with its share of
#: fat; dark and without a black, as before any normalisation; a tissue map; the same wider; a
#: structure map; a volume of both; maps of T1, T2 and PD.
Source = Literal[
    "image", "wide image", "image and fat", "unscaled", "tissue", "wide tissue", "structure",
    "volume", "relaxation",
]  # fmt: skip

#: Those that are not given a clean slice.
SOURCES: dict[str, Source] = {
    "MinMaxNormalise": "unscaled",
    "PercentileNormalise": "unscaled",
    "RandChemicalShift": "image and fat",
    "RandClusterContrast": "tissue",
    "RandContrast": "tissue",
    "RandDeformPatch": "wide image",
    "RandFillContext": "structure",
    "RandObliqueSlice": "volume",
    "RandSagittalSlab": "volume",
    "RandSagittalSlice": "volume",
    "RandSequenceContrast": "tissue",
    "RandSynthMRI": "relaxation",
    "RandSynthesizeMRI": "wide tissue",
    "RandTissueContrast": "tissue",
}

#: Recipes whose ranges are those of volumes; the middle slice of one is shown.
VOLUME_RECIPES = frozenset({"thesis_synthseg"})


class Panel(NamedTuple):
    """One picture of a row.

    Attributes:
        title: the parameter that is shown.
        parameters: of the transform; None shows what it is given.
        draw: which draw of the transform; the same one where only the strength shall differ.
    """

    title: str
    parameters: Mapping[str, Any] | None
    draw: int = 0


def _steps(
    name: str, values: tuple[float, ...], *, unit: str = "", **others: object
) -> tuple[Panel, ...]:
    """Return panels along one parameter whose range is narrowed to each value in turn."""
    word = name.removesuffix("_" + unit) if unit else name
    return tuple(
        Panel(f"{word} {value:g} {unit}".rstrip(), {name: (value, value), **others})
        for value in values
    )


_RIGID: dict[str, Any] = {"elastic_mm": (0, 0), "rotation_deg": 0, "scale": 0, "shear": 0}
_PATCH: dict[str, Any] = {"patch_size": PICTURE_SHAPE, "spacing_mm": 1.0}
_STILL: dict[str, Any] = {**_PATCH, **_RIGID, "margin": 0.0}
_PAINT: dict[str, Any] = {"spread": (0.01, 0.01), "texture": (0.0, 0.0)}
_GHOST: dict[str, Any] = {"displacement_vox": (0, 0), "cycles": (24, 24), "axis": -2}
_RING: dict[str, Any] = {"window": "none"}
_FOLD: dict[str, Any] = {"offset": (0.5, 0.5), "gain": (0.8, 0.8), "axis": -1}
_SLICES: dict[str, Any] = {"orientation": "axial", "profile": "box"}

#: Panels of each array transform, neutral first.
PANELS: dict[str, tuple[Panel, ...]] = {
    "MinMaxNormalise": (Panel("before", None), Panel("after", {})),
    "PercentileNormalise": (Panel("before", None), Panel("after", {})),
    "RandAcquiredResolution": (
        *_steps("resolution_mm", (1, 2, 4), unit="mm", thick_axis_prob=0.0),
        Panel("4 mm, sinc", {"resolution_mm": (4, 4), "profile": "sinc", "thick_axis_prob": 0.0}),
        Panel(
            "axial slices of 6 mm",
            {"resolution_mm": (1, 1), "thickness_mm": (6, 6), **_SLICES},
        ),
    ),
    "RandBiasGain": _steps("strength", (0, 0.2, 0.5, 1)),
    "RandChemicalShift": (
        Panel("before", None),
        *(
            Panel(
                f"{tesla} T, {hertz} Hz/pixel",
                {
                    "field_tesla": (tesla,),
                    "bandwidth_hz_per_pixel": (hertz, hertz),
                    "axis": -1,
                },
            )
            for tesla, hertz in ((1.5, 220), (1.5, 110), (3.0, 110))
        ),
    ),
    "RandClusterContrast": tuple(
        Panel(f"draw {draw + 1}", {"spread": (0.02, 0.02)}, draw) for draw in range(4)
    ),
    "RandContrast": tuple(
        Panel(name, {"contrast": name, "spread": (0.01, 0.01), **changes})
        for name, changes in (
            ("random", {"texture": (0.0, 0.0)}),
            ("interpolated", {"texture": (0.0, 0.0)}),
            ("physics", {"property_texture": (0.0, 0.0)}),
            ("hybrid", {"physics_weight": (0.5, 0.5)}),
        )
    ),
    "RandDeformPatch": (
        Panel("neutral", _STILL),
        Panel("rotation 15 deg", {**_STILL, "rotation_deg": 15}),
        Panel("scale 0.2", {**_STILL, "scale": 0.2}),
        Panel("shear 0.2", {**_STILL, "shear": 0.2}),
        Panel("elastic 4 mm", {**_STILL, "elastic_mm": (4, 4)}),
        Panel("elastic 8 mm", {**_STILL, "elastic_mm": (8, 8)}),
    ),
    "RandDirectionalBlur": _steps("sigma_vox", (0, 1, 2, 4), unit="vox"),
    "RandFillContext": (
        Panel("before", None),
        *(Panel(f"draw {n + 1}", {"spacing_mm": (1.0, 1.0)}, n) for n in range(4)),
    ),
    "RandGammaCurve": _steps("log_gamma", (-0.8, -0.4, 0, 0.4, 0.8)),
    "RandGaussianBlur": _steps("sigma_vox", (0, 0.5, 1, 2), unit="vox"),
    "RandKSpaceMotion": tuple(
        Panel(
            f"shift {shift} vox, angle {angle} deg",
            {"max_shift_vox": shift, "max_angle_deg": angle},
            4,  # a draw that moves near the centre of k-space, as few do
        )
        for shift, angle in ((0, 0), (2, 0), (5, 0), (0, 4), (5, 4))
    ),
    "RandKSpaceSpikes": _steps("amplitude", (0, 0.1, 0.3, 0.6), radius=(0.2, 0.4), count=(1, 1)),
    "RandMagnitudeNoise": (
        *_steps("sigma", (0, 0.03, 0.08)),
        Panel("0.08, Gaussian", {"sigma": (0.08, 0.08), "kind": "gaussian"}),
        Panel("0.08, correlated 1 vox", {"sigma": (0.08, 0.08), "correlation_vox": (1, 1)}),
        Panel("0.08, g-factor 3", {"sigma": (0.08, 0.08), "g_factor": (3, 3)}),
    ),
    "RandObliqueSlice": tuple(
        Panel(f"tilt up to {tilt} deg", {**_STILL, "tilt_deg": tilt, "slice_spacing_mm": 4.0}, 2)
        for tilt in (0, 5, 15)
    ),
    "RandPartialFourier": _steps("fraction", (1, 0.75, 0.625, 0.55), axis=-2),
    "RandPeriodicGhosting": (
        # a draw whose ghosts are in phase with the tissue: others hide in the magnitude
        *(p._replace(draw=7) for p in _steps("amplitude", (0, 0.2, 0.6), **_GHOST)),
        Panel("0.6, front alone", {**_GHOST, "amplitude": (0.6, 0.6), "moving": "anterior"}, 7),
        Panel("displacement 1 vox", {**_GHOST, "amplitude": (0, 0), "displacement_vox": (1, 1)}, 7),
    ),
    "RandSagittalSlab": _steps("thickness_mm", (0, 8, 16, 32), unit="mm", any_slice_prob=0.0),
    "RandSagittalSlice": tuple(
        Panel(f"draw {n + 1}", {"any_slice_prob": 0.0}, draw) for n, draw in enumerate((2, 6, 0, 4))
    ),
    "RandSaturation": (
        *_steps("high_percentile", (100, 95, 85, 70)),
        Panel(
            "low_percentile 30",
            {"high_percentile": (100, 100), "low_percentile": (30, 30)},
        ),
    ),
    "RandSequenceContrast": (
        *(
            Panel(name, {"sequences": (name,), "field_t": 1.5, **_PAINT})
            for name in ("t1_tse", "t2_tse", "pd_tse", "stir", "flair", "gre", "bssfp", "dixon")
        ),
        Panel(
            "t2_tse, texture 0.15",
            {"sequences": ("t2_tse",), "field_t": 1.5, "spread": (0, 0), "texture": (0.15, 0.15)},
        ),
    ),
    "RandSideFlip": (
        Panel("probs (0, 0)", {"probs": (0.0, 0.0)}),
        Panel("probs (1, 0)", {"probs": (1.0, 0.0)}),
        Panel("probs (0, 1)", {"probs": (0.0, 1.0)}),
    ),
    "RandSaturationBand": (
        Panel("remaining 1", {"remaining": (1, 1)}),
        *_steps("remaining", (0.5, 0.2, 0.05), edge=(0.6, 0.6)),
    ),
    "RandSurfaceCoil": (
        Panel("floor 1", {"floor": (1, 1)}),
        *_steps("decay_mm", (200, 100, 50), unit="mm", floor=(0.1, 0.1)),
    ),
    "RandSynthMRI": tuple(
        Panel(f"TR {tr} ms, TE {te} ms", {"tr_ms": (tr, tr), "te_ms": (te, te)})
        for tr, te in ((436, 8), (3000, 8), (1500, 50), (3000, 100))
    ),
    "RandSynthesizeMRI": tuple(
        Panel(name, {"recipe": name, **_PATCH})
        for name in ("spine_t1_t2", "synthseg", "lumbar", "full")
    ),
    "RandTissueContrast": (
        *(
            Panel(f"alpha {a:g}", {"contrast": "interpolated", "alpha": (a, a), **_PAINT})
            for a in (0, 0.5, 1)
        ),
        Panel("random", {"contrast": "random", **_PAINT}),
        Panel("texture 0.18", {"contrast": "t2", "spread": (0, 0), "texture": (0.18, 0.18)}),
        Panel(
            "merged and split",
            {"contrast": "t2", **_PAINT, "merge_prob": 1.0, "split_prob": 1.0},
        ),
    ),
    "RandTruncation": (
        *_steps("fraction", (1, 0.6, 0.4, 0.25), **_RING),
        Panel("0.25, hamming", {"fraction": (0.25, 0.25), "window": "hamming"}),
    ),
    "RandWrapAround": (
        *_steps("fraction", (1, 0.9, 0.75), **_FOLD),
        Panel("0.75, repeated", {**_FOLD, "fraction": (0.75, 0.75), "outside": "repeated"}),
        Panel("0.75, other axis", {**_FOLD, "fraction": (0.75, 0.75), "axis": -2}),
    ),
}
