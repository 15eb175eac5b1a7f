"""The hip bones beside the sacrum, as far as lumbar scans show them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spinesynth.anatomy.phantom.masks import largest
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.shapes import intersect_rounded
from spinesynth.anatomy.phantom.spine_curve import Spine

_JOINT_MM = 2.5  # sacroiliac joint space, nominal
_LATERAL, _FORWARD = 0.45, 0.89  # the wing's direction seen from above, 63 deg; nominal
_BACK_MM, _FRONT_MM = 34.0, 70.0  # reach behind and before the joint, nominal
_CREST_MM = 28.0  # height of the iliac crest over the S1 endplate: at L4, nominal
_LOW_MM = 75.0  # how far below that endplate the wing goes in these scans, nominal
_REACH_MM = 3.0  # how far outside a wing its roughness may reach
#: Half thickness behind, where the spines are, and in the thin middle of the wing; nominal.
_THICK_MM, _THIN_MM = 9.0, 4.5


@dataclass(frozen=True)
class HipCourse:
    """Where the wing of the ilium passes the sacrum."""

    joint_side_mm: float  # lateral of the midline, at the middle of the joint
    joint_front_mm: float  # anterior of the posterior wall of S1
    s_top: float


def hip_course(record: PhantomRecord, spine: Spine) -> HipCourse:
    """Return the place of the hip bones of a record."""
    first = record.sacrum[0]
    return HipCourse(
        joint_side_mm=0.5 * first.span_mm + _JOINT_MM + 0.5 * (_THICK_MM + _THIN_MM),
        joint_front_mm=-0.05 * first.depth_top_mm,
        s_top=spine.s_endplate,
    )


def hip_excess(u: Tensor, t: Tensor, s: Tensor, course: HipCourse) -> Tensor:
    """Return how far points lie beyond where a wing is measured, in mm, negative within."""
    inner = _LATERAL * -_BACK_MM - _FORWARD * _THICK_MM  # the hindmost corner, nearest the middle
    rise, ahead = s - course.s_top, t - course.joint_front_mm
    return largest(
        u.abs().sub_(course.joint_side_mm).neg_().add_(inner - _REACH_MM),
        ahead.abs_().sub_(_FRONT_MM),
        rise - (_CREST_MM + _REACH_MM),
        (-_LOW_MM - _REACH_MM) - rise,
    )


def hip_distance(u: Tensor, t: Tensor, s: Tensor, course: HipCourse) -> Tensor:
    """Return the signed distance to the wings of both ilia in mm.

    Args:
        u: right of the midline.
        t: anterior of the posterior wall.
        s: arc length upwards.
        course: of the same spine.
    """
    lateral, ahead = u.abs() - course.joint_side_mm, t - course.joint_front_mm
    along = _LATERAL * lateral + _FORWARD * ahead
    across = _FORWARD * lateral - _LATERAL * ahead
    rise = s - course.s_top
    # the plate is thick at the back and along the crest, thin between
    share = ((along + _BACK_MM) / (0.7 * _BACK_MM)).clamp(0.0, 1.0)
    half = _THICK_MM + (_THIN_MM - _THICK_MM) * share
    # the crest is an arch: highest ahead of the joint
    crest = _CREST_MM - 0.010 * (along - 15.0).square()
    return intersect_rounded(
        [across.abs() - half, along - _FRONT_MM, -_BACK_MM - along, rise - crest, -_LOW_MM - rise],
        5.0,
    )
