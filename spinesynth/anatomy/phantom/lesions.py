"""Paint the findings of a record: those of the canal before the bones, the others after."""

from __future__ import annotations

from collections.abc import Callable

from spinesynth.anatomy.phantom.disc_lesions import paint_herniation, paint_stenosis
from spinesynth.anatomy.phantom.endplate_lesions import (
    paint_modic,
    paint_osteophytes,
    paint_recent_fracture,
    paint_schmorl,
)
from spinesynth.anatomy.phantom.findings import Finding, FindingKind
from spinesynth.anatomy.phantom.hardware import paint_scar, paint_screws
from spinesynth.anatomy.phantom.marrow_lesions import paint_haemangioma, paint_metastasis
from spinesynth.anatomy.phantom.scene import Scene

_Painter = Callable[[Scene, Finding], None]

_IN_CANAL: dict[FindingKind, _Painter] = {
    FindingKind.STENOSIS: paint_stenosis,
    FindingKind.PROTRUSION: paint_herniation,
    FindingKind.EXTRUSION: paint_herniation,
}
#: In the order of painting: metal covers all.
_IN_BONE: dict[FindingKind, _Painter] = {
    FindingKind.HAEMANGIOMA: paint_haemangioma,
    FindingKind.MODIC: paint_modic,
    FindingKind.FRACTURE: paint_recent_fracture,
    FindingKind.METASTASIS: paint_metastasis,
    FindingKind.OSTEOPHYTE: paint_osteophytes,
    FindingKind.SCHMORL: paint_schmorl,
    FindingKind.LAMINECTOMY: paint_scar,
    FindingKind.SCREWS: paint_screws,
}


def paint_canal_lesions(scene: Scene) -> None:
    """Paint what presses on the thecal sac, before the bones cover its edges."""
    _paint(scene, _IN_CANAL)


def paint_bone_lesions(scene: Scene) -> None:
    """Paint what changes bones, after them."""
    _paint(scene, _IN_BONE)


def _paint(scene: Scene, painters: dict[FindingKind, _Painter]) -> None:
    for kind, painter in painters.items():
        for finding in scene.record.findings:
            if finding.kind is kind:
                painter(scene, finding)
