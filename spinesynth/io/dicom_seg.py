"""Write a label map as a DICOM segmentation of the series it was made from.

One BINARY segment per code, SNOMED CT codes, references to every source slice, the frame of
reference of the source, new identifiers for the object itself.

Sources: DICOM PS3.3, A.51 (Segmentation IOD); PS3.15, E.1 (de-identification).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

import spinesynth
from spinesynth.anatomy.label_scheme import LabelScheme
from spinesynth.anatomy.snomed import ANATOMICAL_STRUCTURE, Term, snomed_term
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import OutputError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.dicom_extra import load_highdicom, warnings_to_log
from spinesynth.io.dicom_identity import complete_identity, remove_identity
from spinesynth.io.dicom_series import Series, find_series
from spinesynth.io.orientation import from_ras
from spinesynth.io.raw_volume import Array

if TYPE_CHECKING:
    from monai.data.meta_tensor import MetaTensor

#: Number of the series among those of its study; archives sort results after acquisitions.
_SERIES_NUMBER = 900

#: DICOM CID 7162: family of the algorithm.
_ALGORITHM_FAMILY = ("123110", "DCM", "Artificial Intelligence")

_MAX_CHARACTERS = 64


@warnings_to_log()
def write_dicom_seg(
    path: Path | str,
    labels: Tensor,
    *,
    like: MetaTensor,
    scheme: LabelScheme,
    levels: Mapping[int, str] | None = None,
    anonymise: bool = False,
) -> None:
    """Write a label map as a DICOM segmentation.

    Args:
        path: ``.dcm``; replaced only by a complete file, which is read back first.
        labels: (I, J, K) or (1, I, J, K) on the canonical grid of ``like``; codes of
            ``scheme``, 0 for none.
        like: the image, read from DICOM by :func:`spinesynth.io.volume.read_image`; its
            source must still be there.
        scheme: meaning of the codes; each present becomes a segment under its name.
        levels: level of each upward count of vertebrae that is known, for example
            ``{1: "L5", 2: "L4"}``; others get the code of any vertebra or disc.
        anonymise: whether everything that tells who the patient is, where and when it was
            made is left out. Identifiers of study, series and images stay, without which
            the segmentation would belong to nothing.

    Raises:
        OutputError: if ``like`` does not come from DICOM, nothing is labelled, or the file
            cannot be written and read back equal.
        InputFileError: if the source has changed and is refused now.
        ConfigError: if the extra is not installed.
        ValueError: if the tensor is not on the grid of ``like``, or holds unknown codes.
    """
    path = Path(path)
    series = _source(path, like)
    codes = _stored_order(labels, like)
    present = [int(code) for code in np.unique(codes) if code != 0]
    unknown = [code for code in present if code not in scheme.codes]
    if unknown:
        raise ValueError(f"codes must be of scheme '{scheme.name}', got {unknown}")
    if not present:
        raise OutputError(
            f"{path}: nothing is labelled, and a segmentation without segments is none; "
            f"look at the image first",
            code="E-DCM-031",
        )
    described = [
        _segment(number, scheme, code, levels or {}) for number, code in enumerate(present, start=1)
    ]
    numbered = np.searchsorted([0, *present], codes).astype(np.uint8)
    dataset = _segmentation(series, numbered, described, anonymise=anonymise)
    with atomic_write(path) as temporary:
        dataset.save_as(temporary)
        _verify(path, temporary, series, numbered)


def _source(path: Path, like: MetaTensor) -> Series:
    """Return the series that an image was read from."""
    uid = str(like.meta.get("source_series_uid", ""))
    if not uid:
        raise OutputError(
            f"{path}: a DICOM segmentation needs an image that was read from DICOM, "
            f"got {like.meta.get('source_path', 'one made in memory')}; choose another format",
            code="E-DCM-030",
        )
    # what was accepted on reading is accepted again
    return find_series(Path(str(like.meta["source_path"])), series_uid=uid, allow_nonuniform=True)


def _stored_order(labels: Tensor, like: MetaTensor) -> Array:
    """Return codes (slices, rows, columns) in the order of the source."""
    shape = tuple(like.shape[-3:])
    if tuple(labels.shape) not in {shape, (1, *shape)} or labels.is_floating_point():
        raise ValueError(
            f"labels must be integers of the shape of like {shape}, got {labels.dtype} "
            f"{tuple(labels.shape)}; bring them back to the source's canonical grid first"
        )
    canonical = labels.detach().cpu().numpy().reshape(shape)
    affine = np.asarray(like.meta["source_affine"], dtype=np.float64)
    return np.ascontiguousarray(from_ras(canonical, affine).transpose(2, 1, 0))


def _segment(number: int, scheme: LabelScheme, code: int, levels: Mapping[int, str]) -> Any:  # noqa: ANN401  # of highdicom
    """Describe one segment."""
    highdicom = load_highdicom()
    meaning = scheme.codes[code]
    level = levels.get(meaning.instance or 0)
    kind = highdicom.sr.CodedConcept(*_concept(_term(meaning.structure, level)))
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=(f"{meaning.name} ({level})" if level else meaning.name)[:_MAX_CHARACTERS],
        segmented_property_category=highdicom.sr.CodedConcept(*_concept(ANATOMICAL_STRUCTURE)),
        segmented_property_type=kind,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name="SpineSynth",
            version=spinesynth.__version__,
            family=highdicom.sr.CodedConcept(*_ALGORITHM_FAMILY),
        ),
    )


def _term(structure: Structure, level: str | None) -> Term:
    """Return the concept of a structure; a part without one is named by what it is part of."""
    whole = {Structure.ENDPLATE: Structure.VERTEBRAL_BODY, Structure.UNKNOWN: None}
    known = whole.get(structure, structure)
    return ANATOMICAL_STRUCTURE if known is None else snomed_term(known, level)


def _concept(term: Term) -> tuple[str, str, str]:
    return term.code, "SCT", term.meaning


def _segmentation(series: Series, numbered: Array, described: list[Any], *, anonymise: bool) -> Any:  # noqa: ANN401  # of highdicom
    highdicom = load_highdicom()
    sources, pixels = _sources(series, numbered, anonymise=anonymise)
    dataset = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=highdicom.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="SpineSynth",
        manufacturer_model_name="SpineSynth",
        software_versions=spinesynth.__version__,
        device_serial_number="0",
        omit_empty_frames=True,
        content_label="SEGMENTATION",
        content_description="Lumbar spine",
        series_description="SpineSynth segmentation",
        specific_character_set="ISO_IR 192",  # names of any script, whatever the source uses
    )
    if anonymise:
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "Identity left out; UIDs of the source kept"
    return dataset


def _sources(series: Series, numbered: Array, *, anonymise: bool) -> tuple[list[Any], Array]:
    """Return source images and pixels in one order: of the slices, or of an Enhanced file."""
    headers = [frame.image.header for frame in series.frames]
    step_mm = float(np.linalg.norm(series.stack.affine[:3, 2]))
    for header in {id(one): one for one in headers}.values():
        complete_identity(header)
        if not header.get("SliceThickness"):
            header.SliceThickness = f"{step_mm:.10g}"
        if anonymise:
            remove_identity(header)
    if len({id(one) for one in headers}) == len(headers):
        return headers, numbered
    if len({id(one) for one in headers}) > 1:
        raise OutputError(
            f"{series.path}: a DICOM segmentation of several multi-frame files cannot be written; "
            f"choose another format",
            code="E-DCM-030",
        )
    pixels = np.empty_like(numbered)
    for place, frame in enumerate(series.frames):
        pixels[frame.index] = numbered[place]
    return headers[:1], pixels


def _verify(path: Path, temporary: Path, series: Series, numbered: Array) -> None:
    """Read the file again and compare it, voxel by voxel."""
    written = load_highdicom().seg.segread(temporary)
    places = [frame.plane.position_mm for frame in series.frames]
    found = np.zeros_like(numbered)
    frames = written.pixel_array.reshape(-1, *numbered.shape[1:])
    for frame, item in zip(frames, written.PerFrameFunctionalGroupsSequence, strict=True):
        number = int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        place = np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        nearest = int(np.linalg.norm(places - place, axis=1).argmin())
        found[nearest][frame != 0] = number
    if not np.array_equal(numbered, found):
        raise OutputError(
            f"{path}: what was written could not be read back (voxels differ); "
            f"check the disk's free space",
            code="E-OUT-001",
        )
