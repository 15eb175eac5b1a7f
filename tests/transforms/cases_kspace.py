"""Contract cases of the faults of k-space."""

from __future__ import annotations

from tests.transforms.contract_case import Case

CASES: dict[str, Case] = {
    "RandKSpaceMotion": Case(neutral={"max_shift_vox": 0.0, "max_angle_deg": 0.0}),
}
