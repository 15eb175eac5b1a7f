"""Segment image files with a checkpoint, each on its own grid."""

from __future__ import annotations

from pathlib import Path

import torch

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.volume import read_image
from spinesynth.io.write import write_volume
from spinesynth.pipelines.predict import load_predictor

_SUFFIXES = (".nii.gz", ".nii", ".mha")


def _stem(path: Path) -> str:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    raise InputError(
        f"{path}: file type must be one of {', '.join(_SUFFIXES)}; convert it first",
        code="E-IN-003",
    )


def find_images(source: Path) -> list[Path]:
    """Return an image file, or the image files of a folder in order of name.

    Raises:
        InputError: if there is none, or two would give one output name.
    """
    if source.is_file():
        _stem(source)
        return [source]
    files = sorted(
        path
        for path in (source.iterdir() if source.is_dir() else ())
        if path.is_file() and path.name.lower().endswith(_SUFFIXES)
    )
    if not files:
        raise InputError(
            f"{source}: no image file ({', '.join(_SUFFIXES)}) there; name a file or its folder",
            code="E-IN-001",
        )
    stems = [_stem(path) for path in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise InputError(
            f"{source}: {', '.join(twice)} would be written twice; rename one of each",
            code="E-IN-005",
        )
    return files


def segment_files(
    checkpoint: Path, source: Path, *, output: Path, scheme: str = "spine6"
) -> tuple[list[Path], list[str]]:
    """Segment one image, or each image of a folder.

    Args:
        checkpoint: file that this package wrote.
        source: image file or folder.
        output: folder for the label maps, ``<name>_seg.nii.gz``.
        scheme: label scheme of the output; it must not need instances.

    Returns:
        Files written, and one line for each image that was refused.
    """
    chosen = get_scheme(scheme)
    try:
        chosen.encode(torch.zeros(1, dtype=torch.uint8), torch.zeros(1, dtype=torch.uint8))
    except ValueError as error:
        raise ConfigError(str(error), code="E-CONF-005") from error
    predictor, _ = load_predictor(checkpoint)
    output.mkdir(parents=True, exist_ok=True)
    written, refused = [], []
    for path in find_images(source):
        try:
            image = read_image(path)
            structure = predictor(image)
            codes = chosen.encode(structure, torch.zeros_like(structure))
            target = output / f"{_stem(path)}_seg.nii.gz"
            write_volume(target, codes, like=image)
        except (InputError, ValueError) as error:
            refused.append(str(error))
            continue
        written.append(target)
    return written, refused
