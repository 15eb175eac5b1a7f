"""Fabricate scans at test time: no image of anybody is kept with the tests.

The anatomy is a stack of blocks in RAS: three vertebrae with discs below them
and a canal behind. It is written in the layouts, names, codes and voxel types
that the readers meet, without the code that is tested.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

nib: Any = nibabel  # it annotates few of its functions
Array = npt.NDArray[Any]

SHAPE = (6, 40, 48)
SPACING_MM = (4.0, 1.0, 0.75)
ORIGIN_MM = (-10.0, -31.0, -52.0)

#: What SPIDER's scanners store for padding in the larger group of series.
SPIDER_PADDING = -1000

MANIFEST_COLUMNS = "case_id,patient_id,source,contrast,annotated,scheme,image,label,instances"

_ELEMENT_TYPES = {"i1": "CHAR", "u1": "UCHAR", "i2": "SHORT", "u2": "USHORT", "i4": "INT"} | {
    "f4": "FLOAT",
    "f8": "DOUBLE",
}
_PARTS_OF_SPIDER = {0: 0, 1: 1, 2: 1, 3: 1, 100: 3, 201: 2, 202: 2, 203: 2}


def ras_affine() -> Array:
    """Return the affine of the fabricated anatomy, voxel to world mm (RAS+)."""
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = ORIGIN_MM
    return affine


def spider_codes() -> Array:
    """Return SPIDER codes int16 (6, 40, 48) in RAS: 3 vertebrae, 3 discs, the canal."""
    codes = np.zeros(SHAPE, dtype=np.int16)
    for k in range(1, 4):
        low = 3 + 14 * (k - 1)
        codes[1:5, 18:30, low : low + 3] = 200 + k
        codes[1:5, 18:30, low + 3 : low + 13] = k
    codes[2:4, 11:17, 2:46] = 100
    return codes


def parts_codes(variant: int = 0) -> Array:
    """Return the same anatomy in codes of the scheme ``parts``, uint8, with posterior elements.

    Args:
        variant: whose: each number up to 63 has a few other voxels, as no two people are alike.
    """
    spider = spider_codes()
    codes = np.zeros(SHAPE, dtype=np.uint8)
    for source, target in _PARTS_OF_SPIDER.items():
        codes[spider == source] = target
    codes[2:4, 5:11, 8:14] = 4
    for bit in range(6):
        codes[2, 5 + bit, 14] = 4 * (variant >> bit & 1)
    return codes


def instance_codes() -> Array:
    """Return upward counts of the vertebrae and discs, uint8."""
    spider = spider_codes()
    counts = np.where(spider >= 200, spider - 200, np.where(spider < 100, spider, 0))
    return counts.astype(np.uint8)


def intensities(seed: int = 0) -> Array:
    """Return intensities int16 (6, 40, 48) from 0 (padding at the edges) to 3000."""
    draw = np.random.default_rng(seed).integers(1, 3001, size=SHAPE).astype(np.int16)
    draw[:, :4] = 0
    draw[:, :, -3:] = 0
    return draw


def turned(volume: Array, orientation: str) -> tuple[Array, Array]:
    """Return a RAS volume with its axes turned, for example to ``PIR``, and the affine."""
    image = nib.Nifti1Image(volume, ras_affine())
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(orientation)
    )
    other = image.as_reoriented(turn)
    return np.asarray(other.dataobj), np.asarray(other.affine)


def write_nifti(path: Path, volume: Array, orientation: str = "RAS") -> Path:
    """Write a RAS volume as NIfTI with its axes turned."""
    voxels, affine = turned(volume, orientation)
    image = nib.Nifti1Image(voxels, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.to_filename(path)
    return path


def metaimage_bytes(
    volume: Array, orientation: str = "LPS", *, compressed: bool = True, **fields: str
) -> bytes:
    """Return a RAS volume as an ``.mha`` file with its axes turned.

    Args:
        volume: RAS.
        orientation: directions of the file's axes.
        compressed: whether the voxels are zlib-compressed, as SPIDER's are.
        **fields: header fields to write instead of the right ones.
    """
    voxels, affine = turned(volume, orientation)
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing_mm = np.linalg.norm(lps[:3, :3], axis=0)
    data = voxels.tobytes(order="F")
    data = zlib.compress(data) if compressed else data
    header = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(compressed),
        **({"CompressedDataSize": str(len(data))} if compressed else {}),
        "TransformMatrix": _words((lps[:3, :3] / spacing_mm).T.ravel()),
        "Offset": _words(lps[:3, 3]),
        "ElementSpacing": _words(spacing_mm),
        "DimSize": " ".join(str(size) for size in voxels.shape),
        "ElementType": "MET_" + _ELEMENT_TYPES[voxels.dtype.str[1:]],
    }
    header |= {"ElementDataFile": "LOCAL"} | fields
    header["ElementDataFile"] = header.pop("ElementDataFile")  # the last line, whatever was added
    return "".join(f"{key} = {value}\n" for key, value in header.items()).encode() + data


def write_spider(root: Path, *, nested: bool = False) -> Path:
    """Write two patients of one anatomy in SPIDER's layout.

    Patient 1 has T1 and T2 in LPS, padded with -1000; patient 2 has T2 and
    T2 SPACE in PIR, starting at 0. Overview and gradings lie beside them.

    Args:
        root: folder to fill.
        nested: whether ``images/images`` and ``masks/masks`` are wanted.
    """
    folders = {name: root / name / name if nested else root / name for name in ("images", "masks")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    for stem, orientation in SPIDER_SERIES.items():
        image = intensities()
        if orientation == "LPS":
            image = image + np.int16(SPIDER_PADDING)
        (folders["images"] / f"{stem}.mha").write_bytes(metaimage_bytes(image, orientation))
        (folders["masks"] / f"{stem}.mha").write_bytes(metaimage_bytes(spider_codes(), orientation))
    write_overview(root / "overview.csv", {"1": "training", "2": "validation"})
    (root / "radiological_gradings.csv").write_text(
        "Patient,IVD label,Modic,UP endplate,LOW endplate,Spondylolisthesis,Disc herniation,"
        "Disc narrowing,Disc bulging,Pfirrman grade\n"
        "1,1,0,0,0,0,0,1,1,3\n1,2,0,0,0,0,0,0,1,2\n2,0,0,0,0,0,0,0,0,1\n"
    )
    return root


#: Series that :func:`write_spider` writes, and the orientation of each.
SPIDER_SERIES = {"1_t1": "LPS", "1_t2": "LPS", "2_t2": "PIR", "2_t2_SPACE": "PIR"}


def write_overview(path: Path, subset_of: dict[str, str]) -> Path:
    """Write an overview table; keys of ``subset_of`` are patients or series."""
    rows = ["new_file_name,num_vertebrae,sex,subset"]
    for stem in SPIDER_SERIES:
        subset = subset_of.get(stem, subset_of.get(stem.split("_")[0], ""))
        rows.append(f"{stem},3,F ,{subset}")
    path.write_text("\n".join(rows) + "\n")
    return path


def write_manifest(
    root: Path, rows: Sequence[str] | None = None, *, columns: str = MANIFEST_COLUMNS
) -> Path:
    """Write a manifest with its files, and return the table's path.

    Patient ``p1`` has ``p1_t1`` and ``p1_t2``, ``p2`` has ``p2_t2``, all with body,
    disc, canal and posterior elements; ``p3_map`` is a label map alone with
    instances, of vertebral bodies and discs.

    Args:
        root: folder to fill.
        rows: lines of the table instead of the right ones.
        columns: header line.
    """
    for variant, name in enumerate(("p1_t1", "p1_t2", "p2_t2")):
        write_nifti(root / f"{name}_image.nii.gz", intensities(seed=5 + variant))
        write_nifti(root / f"{name}_label.nii.gz", parts_codes(variant))
    write_nifti(root / "p3_label.nii.gz", parts_codes(3))
    write_nifti(root / "p3_inst.nii.gz", instance_codes())
    table = root / "cases.csv"
    table.write_text("\n".join([columns, *(MANIFEST_ROWS if rows is None else rows)]) + "\n")
    return table


_FULL = "body disc canal posterior,parts"

#: Rows that :func:`write_manifest` writes.
MANIFEST_ROWS = (
    f"p1_t1,p1,made,T1,{_FULL},p1_t1_image.nii.gz,p1_t1_label.nii.gz,",
    f"p1_t2,p1,made,T2,{_FULL},p1_t2_image.nii.gz,p1_t2_label.nii.gz,",
    f"p2_t2,p2,made,T2,{_FULL},p2_t2_image.nii.gz,p2_t2_label.nii.gz,",
    "p3_map,p3,made,,body disc,parts,,p3_label.nii.gz,p3_inst.nii.gz",
)


def _words(values: Array) -> str:
    return " ".join(repr(float(value)) for value in values)
