"""What is written of one scan: label map, names of its codes, volumes, picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from spinesynth import __version__
from spinesynth.errors import ConfigError
from spinesynth.io.atomic import write_text
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.label_legend import LegendEntry, legend_of
from spinesynth.pipelines.scan_list import image_suffix
from spinesynth.pipelines.segmenter import Segmentation
from spinesynth.pipelines.structure_volumes import VOLUMES_KIND, VOLUMES_SUFFIX, measure_volumes

Format = Literal["auto", "nii.gz", "nii", "mha", "nrrd"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: Formats of two files are written as their sibling of one; anything else as NIfTI.
_WRITTEN_AS = {".mhd": ".mha", ".nhdr": ".nrrd"}
_NIFTI = ".nii.gz"
#: Ends of names that no folder has, and in which no label map is written.
_OF_OTHER_FILES = (
    ".dcm", ".ima", ".zip", ".gz", ".hdr", ".img", ".raw", ".mgz", ".mgh", ".mnc", ".npy", ".npz",
    ".mat", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".vtk", ".stl", ".json", ".csv", ".txt",
)  # fmt: skip


@dataclass(frozen=True)
class OutputOptions:
    """Say what is written beside the label map, and how.

    Args:
        format: of the label map; ``auto`` takes that of the input.
        volumes: whether a table of volumes is written.
        preview: whether a picture is.
        bids: whether files are named as BIDS derivatives, which are ``.nii.gz``.
        instances: whether a map of vertebrae and discs is.
        anonymise: whether DICOM segmentations say nothing of who the patient is.
        uncertainty: whether a map of the network's uncertainty is.
        deidentify: whether digests stand for the names of scans, and nothing is told that
            may hold a patient's.
    """

    format: Format = "auto"
    volumes: bool = True
    preview: bool = True
    bids: bool = False
    instances: bool = True
    anonymise: bool = False
    uncertainty: bool = False
    deidentify: bool = False

    def suffix_for(self, source: Path) -> str:
        """Return the suffix of the label map of an input."""
        if self.bids:
            return _NIFTI
        if self.format != "auto":
            return f".{self.format}"
        suffix = image_suffix(source) or _NIFTI
        return _WRITTEN_AS.get(suffix, suffix)


def read_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        ConfigError: if there is none.
    """
    for known in FORMATS:
        if name == known:
            return known
    raise ConfigError(
        f"format must be one of {', '.join(FORMATS)}, got {name!r}", code="E-CONF-094"
    )


def refuse_unwritable(output: Path, options: OutputOptions) -> None:
    """Refuse an output that could not be written, before anything is computed.

    Args:
        output: folder, or name of a label map.
        options: what is written.

    Raises:
        ConfigError: if it is of a type that is not written, or of another than asked for.
    """
    if output.is_dir():
        return
    suffix, written = image_suffix(output), [f".{name}" for name in FORMATS if name != "auto"]
    is_other = suffix is None and (
        output.name.lower().endswith(_OF_OTHER_FILES) or os.path.lexists(output)
    )
    if is_other or suffix in _WRITTEN_AS:
        instead = _WRITTEN_AS.get(suffix or "", "one of them, or a folder")
        raise ConfigError(
            f"{output}: label maps are written as {', '.join(written)}; choose {instead}",
            code="E-OUT-003",
        )
    if suffix is not None and options.format not in ("auto", suffix[1:]):
        raise ConfigError(
            f"{output}: its name asks for {suffix}, --format for {options.format}; leave one out",
            code="E-CONF-094",
        )


@dataclass(frozen=True)
class CaseFiles:
    """Name the files of one scan.

    Args:
        labels: the label map.
        sidecar: what its codes are and what made it.
        volumes: table; None where none is wanted.
        preview: picture; None where none is wanted.
        table: names of the codes as BIDS wants them; None elsewhere.
        instances: map of vertebrae and discs; None where none is wanted.
        dicom: segmentation of a DICOM series; None of any other input.
        uncertainty: map of it; None where none is wanted.
    """

    labels: Path
    sidecar: Path
    volumes: Path | None
    preview: Path | None
    table: Path | None = None
    instances: Path | None = None
    dicom: Path | None = None
    uncertainty: Path | None = None

    @property
    def all(self) -> list[Path]:
        """Return every one of them, the label map last: it tells that a scan is done."""
        some = (
            self.sidecar, self.volumes, self.preview, self.table, self.instances, self.dicom,
            self.uncertainty,
        )  # fmt: skip
        return [*(path for path in some if path is not None), self.labels]


def name_files(labels: Path, options: OutputOptions, *, of_dicom: bool) -> CaseFiles:
    """Return the names of what is written beside a label map.

    Args:
        labels: the label map.
        options: what is written.
        of_dicom: whether the scan is a DICOM series.
    """
    suffix = image_suffix(labels)
    assert suffix is not None  # it was made with one
    stem = labels.name[: -len(suffix)]
    end = "_dseg" if options.bids else "_seg"
    plain = stem.removesuffix(end)
    counted = f"{plain}inst{end}{suffix}" if options.bids else f"{plain}_instances{suffix}"
    return CaseFiles(
        labels,
        labels.with_name(f"{stem}.json"),
        labels.with_name(f"{plain}{VOLUMES_SUFFIX}") if options.volumes else None,
        labels.with_name(f"{plain}_preview.png") if options.preview else None,
        labels.with_name(f"{stem}.tsv") if options.bids else None,
        labels.with_name(counted) if options.instances else None,
        labels.with_name(f"{stem}.dcm") if of_dicom else None,
        labels.with_name(_uncertainty_name(plain, suffix, options))
        if options.uncertainty
        else None,
    )


def _uncertainty_name(plain: str, suffix: str, options: OutputOptions) -> str:
    """Return the name of an uncertainty map, in BIDS of a map of probability."""
    return f"{plain}uncertainty_probseg{suffix}" if options.bids else f"{plain}_uncertainty{suffix}"


def write_case(
    files: CaseFiles,
    segmentation: Segmentation,
    *,
    case_id: str,
    made_by: dict[str, Any],
    anonymise: bool = False,
) -> list[Path]:
    """Write all files of one scan, or none.

    Args:
        files: their names; folders must be there.
        segmentation: of the scan.
        case_id: name of the scan.
        made_by: weights and their digests, for the sidecar.
        anonymise: whether a DICOM segmentation says nothing of who the patient is.

    Returns:
        Files written.

    Raises:
        OutputError: if one cannot be written; those that were are removed.
    """
    legend = legend_of(segmentation.scheme)
    steps: list[tuple[Path | None, Callable[[Path], None]]] = [
        (files.sidecar, lambda path: write_text(path, _sidecar(segmentation, legend, made_by))),
        (files.table, lambda path: write_text(path, _bids_table(legend))),
        (files.volumes, lambda path: _write_volumes(path, segmentation, case_id)),
        (files.preview, lambda path: _write_preview(path, segmentation, case_id)),
        (files.instances, segmentation.save_instances),
        (files.uncertainty, segmentation.save_uncertainty),
        (
            None if segmentation.is_empty else files.dicom,  # DICOM has no empty segmentation
            lambda path: segmentation.save_dicom_seg(path, anonymise=anonymise),
        ),
        (files.labels, segmentation.save),
    ]
    written: list[Path] = []
    try:
        for path, write in steps:
            if path is not None:
                write(path)
                written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return written


def _sidecar(segmentation: Segmentation, legend: list[LegendEntry], made_by: dict[str, Any]) -> str:
    """Return what the codes of a label map mean and what made it, as JSON."""
    content = {
        "scheme": segmentation.scheme.name,
        "labels": {
            str(entry.code): {
                "name": entry.name, "structure": entry.structure, "colour": entry.hex_colour,
            }
            for entry in legend
        },
        "levels": [] if segmentation.reading is None else [
            {**asdict(level), "centre_mm": [round(mm, 2) for mm in level.centre_mm]}
            for level in segmentation.reading.levels
        ],
        "made_by": {"spinesynth": __version__, **made_by},
        "doubt": segmentation.doubt.as_json(),
        "converted": list(segmentation.converted),
        "warnings": list(segmentation.warnings),
        "use": "Not for diagnosis.",
    }  # fmt: skip
    return json.dumps(content, indent=2) + "\n"


def _bids_table(legend: list[LegendEntry]) -> str:
    """Return the table of labels of a BIDS derivative."""
    rows = [f"{entry.code}\t{entry.name}\t{entry.hex_colour}\n" for entry in legend]
    return "index\tname\tcolor\n" + "".join(rows)


def _write_volumes(path: Path, segmentation: Segmentation, case_id: str) -> None:
    write_csv(path, measure_volumes(segmentation, case_id=case_id), kind=VOLUMES_KIND)


def _write_preview(path: Path, segmentation: Segmentation, case_id: str) -> None:
    from spinesynth.pipelines.preview import write_preview  # matplotlib

    write_preview(path, segmentation, title=case_id)
