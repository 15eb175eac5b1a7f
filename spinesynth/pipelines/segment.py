"""Segment image files with a checkpoint, each on its own grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spinesynth.anatomy.label_schemes import LabelScheme, get_scheme
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.volume import read_image
from spinesynth.io.write import write_volume
from spinesynth.pipelines.ensemble import Predictor, Weighting, load_members

_SUFFIXES = (".nii.gz", ".nii", ".mha")


def stem_of(path: Path) -> str:
    """Return the name of an image file without the suffixes of its type.

    Raises:
        InputError: if it is of no type that is read.
    """
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
        stem_of(source)
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
    stems = [stem_of(path) for path in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise InputError(
            f"{source}: {', '.join(twice)} would be written twice; rename one of each",
            code="E-IN-005",
        )
    return files


def _output_scheme(name: str, predictor: Predictor) -> LabelScheme:
    """Return a scheme that can hold all that a predictor may find, or refuse it."""
    try:
        scheme = get_scheme(name)
        scheme.encode(predictor.structures)  # without instances, as a prediction has none
    except ValueError as error:
        raise ConfigError(str(error), code="E-CONF-005") from error
    return scheme


def segment_files(
    checkpoints: Sequence[Path],
    source: Path,
    *,
    output: Path,
    scheme: str | None = None,
    weighting: Weighting = "mean",
    scales: Sequence[float] = (1.0,),
) -> tuple[list[Path], list[str]]:
    """Segment one image, or each image of a folder.

    Args:
        checkpoints: files that this package wrote; several vote.
        source: image file or folder.
        output: folder for the label maps, ``<name>_seg.nii.gz``.
        scheme: label scheme of the output, which must not need instances; None
            for the one that the network was trained on.
        weighting: of the votes, ``mean`` or ``certainty``.
        scales: that each network votes at.

    Returns:
        Files written, and one line for each image that was refused.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if the scheme is unknown, or cannot hold what the network
            finds, or the checkpoints do not fit together; nothing has been written then.
        InputError: if there is no image.
    """
    predictor, origin = load_members(checkpoints, weighting=weighting, scales=scales)
    chosen = _output_scheme(origin.target_scheme if scheme is None else scheme, predictor)
    files = find_images(source)
    output.mkdir(parents=True, exist_ok=True)
    written, refused = [], []
    for path in files:
        try:
            image = read_image(path)
            target = output / f"{stem_of(path)}_seg.nii.gz"
            write_volume(target, chosen.encode(predictor(image)), like=image)
        except (InputError, ValueError) as error:
            refused.append(str(error))
            continue
        written.append(target)
    return written, refused
