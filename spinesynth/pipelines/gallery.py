"""A picture of every transform and of every recipe, on a phantom: no data is needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.anatomy.relaxation import tissue_mr
from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import ConfigError
from spinesynth.io.write import atomic_write
from spinesynth.pipelines.evaluate import group_masks
from spinesynth.pipelines.gallery_table import (
    PANELS,
    PICTURE_SHAPE,
    SOURCES,
    VOLUME_RECIPES,
    WIDER,
    Panel,
    Source,
)
from spinesynth.seeding import derive_seed, derive_seed32
from spinesynth.suggest import did_you_mean
from spinesynth.transforms import (
    RandSynthesizeMRI,
    RandTissueContrast,
    list_recipes,
    read_recipe,
)
from spinesynth.transforms.base import RandomKernel, as_plain
from spinesynth.transforms.chemical_shift import fat_fraction_map
from spinesynth.transforms.stage_catalogue import array_transforms
from spinesynth.transforms.synthesize_mri import SynthesisRecord
from spinesynth.viz import Sample, draw_pictures, encode_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SLICES, _SLICE_MM = 11, 4.0
_SAMPLES, _COLUMNS = 8, 4
#: Of a draw with bright fluid, dark discs and muscle: faults are seen where tissues differ.
_CONTRAST_SEED = derive_seed32(42, "gallery contrast", 6)
_SHOWN = ("body", "posterior", "disc", "canal", "sacrum")
#: Their panels differ in contrast: each picture has a scale of grey of its own.
_OWN_WINDOW = frozenset(
    {
        "RandClusterContrast",
        "RandContrast",
        "RandSequenceContrast",
        "RandSynthMRI",
        "RandSynthesizeMRI",
        "RandTissueContrast",
    }
)


class _Anatomy:
    """One phantom and what the transforms are given of it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.phantom = draw_phantom(derive_seed(seed, "gallery phantom"))

    @cached_property
    def maps(self) -> Tensor:
        """Structure and tissue codes ``(2, J, K)`` of the middle slice, wider than the picture."""
        return self._render(1)[:, 0]

    @cached_property
    def volume(self) -> Tensor:
        """Structure and tissue codes ``(2, I, J, K)``."""
        return self._render(_SLICES)

    def _render(self, slices: int) -> Tensor:
        columns, rows = (size + 2 * WIDER for size in PICTURE_SHAPE)
        shape, spacing_mm = (slices, columns, rows), (_SLICE_MM, 1.0, 1.0)
        maps = render_phantom(self.phantom, shape=shape, spacing_mm=spacing_mm)
        return torch.stack([maps.structure, maps.tissue])

    def paint(self, tissue: Tensor) -> Tensor:
        """Paint a tissue map ``(1, *spatial)`` like T2, always in the same contrast."""
        contrast = RandTissueContrast(
            "t2", spread=(0.01, 0.01), texture=(0.05, 0.05), partial_volume_vox=(1.0, 1.0)
        )
        image = contrast.set_random_state(_CONTRAST_SEED)(tissue)
        return image / image.max()  # so that one scale of grey serves all pictures

    def give(self, source: Source) -> Tensor:
        """Return what a transform is given."""
        if source == "volume":
            return _crop(self.volume)
        structure, tissue = self.maps[:1], self.maps[1:]
        if source == "wide tissue":
            return tissue
        if source == "wide image":
            return self.paint(tissue)
        structure, tissue = _crop(structure), _crop(tissue)
        image = self.paint(tissue)
        given = {
            "image": image,
            "image and fat": torch.cat([image, fat_fraction_map(tissue)]),
            "unscaled": 0.2 + 0.4 * image,
            "tissue": tissue,
            "structure": structure,
            "relaxation": _relaxation_maps(tissue),
        }
        return given[source]

    def show(self, data: Tensor) -> Tensor:
        """Return the picture ``(J, K)`` of what a transform was given or has returned."""
        if data.is_floating_point():
            return data[0]  # the share of fat is left out
        if len(data) == 2:  # structure and tissue
            return self.paint(data[1:])[0]
        return self.paint(_crop(self.maps[1:]) * (data > 0))[0]


def _crop(maps: Tensor) -> Tensor:
    return maps[..., WIDER:-WIDER, WIDER:-WIDER]


def _relaxation_maps(tissue: Tensor) -> Tensor:
    """Return T1, T2 and PD ``(3, J, K)`` of a tissue map at 1.5 T, as if they were measured."""
    properties = [tissue_mr(member, 1.5) for member in Tissue]
    means = [[one.t1_ms.mean, one.t2_ms.mean, one.pd.mean] for one in properties]
    return torch.tensor(means).T[:, tissue[0].long()]


def _draw_transform(anatomy: _Anatomy, name: str, panels: Sequence[Panel]) -> Figure:
    """Draw a transform at several strengths, the seed of its draws being one."""
    form, data = array_transforms()[name], anatomy.give(SOURCES.get(name, "image"))
    pictures = []
    for title, parameters, draw in panels:
        result = data
        if parameters is not None:
            stage = form(**parameters)
            if isinstance(stage, RandomKernel):
                stage.set_random_state(derive_seed32(anatomy.seed, name, draw))
            result = as_plain(stage(data))
        pictures.append(Sample(title, anatomy.show(result).numpy(), {}, (1.0, 1.0)))
    return draw_pictures(
        pictures,
        title=f"{name}: {_first_line(form)}",
        window=None if name in _OWN_WINDOW else (0.0, 1.0),
    )


def _draw_recipe(anatomy: _Anatomy, name: str) -> Figure:
    """Draw samples of a recipe over one anatomy, the first with its labels."""
    deep = name in VOLUME_RECIPES
    maps = (anatomy.volume if deep else anatomy.maps).flip(0)  # a recipe paints the first
    chain = RandSynthesizeMRI(
        name,
        patch_size=(_SLICES, *PICTURE_SHAPE) if deep else PICTURE_SHAPE,
        spacing_mm=(_SLICE_MM, 1.0, 1.0) if deep else 1.0,
    )
    pictures = []
    for number in range(_SAMPLES):
        chain.set_random_state(derive_seed32(anatomy.seed, name, number)).randomize(maps)
        assert isinstance(chain.record, SynthesisRecord)  # prob is 1, so there is always one
        image, (_, structure) = chain.render(maps, chain.record)
        if deep:
            image, structure = image[:, _SLICES // 2], structure[_SLICES // 2]
        masks = {n: m.numpy() for n, m in group_masks(structure, _SHOWN).items()}
        shown = masks if number == 0 else {}
        pictures.append(Sample(f"sample {number + 1}", image[0].numpy(), shown, (1.0, 1.0)))
    return draw_pictures(pictures, title=f"Recipe {name}", columns=_COLUMNS)


def _first_line(form: type) -> str:
    return (form.__doc__ or "").strip().partition("\n")[0].replace("``", "").rstrip(".")


def _file_name(name: str) -> str:
    return f"{name}.png" if name in PANELS else f"recipe_{name}.png"


def _index(folder: Path) -> str:
    """Return the list of the gallery's pictures that the folder holds, this run's or not."""
    forms = array_transforms()
    lines = {name: _first_line(forms[name]) for name in PANELS}
    lines |= {name: read_recipe(name).description.partition(". ")[0] for name in list_recipes()}
    rows = [
        f"- [{name}]({_file_name(name)}): {' '.join(line.split()).rstrip('.')}."
        for name, line in lines.items()
        if (folder / _file_name(name)).is_file()
    ]
    return "\n".join(["# Transforms and recipes on a phantom", "", *rows, ""])


def draw_gallery(*, folder: Path, only: str | None = None, seed: int = 42) -> list[Path]:
    """Draw each transform from neutral to strong and samples of each recipe.

    Args:
        folder: where the pictures and their list ``index.md`` go; pictures of
            an earlier run are replaced.
        only: name of one transform or recipe; None draws all.
        seed: of everything random.

    Returns:
        The pictures and the list.

    Raises:
        ConfigError: if there is no such transform or recipe.
    """
    names = [*PANELS, *list_recipes()]
    if only is not None and only not in names:
        hint = did_you_mean(only, names, otherwise=f"; there are {', '.join(names)}")
        raise ConfigError(f"the gallery has no picture {only!r}{hint}", code="E-CONF-006")
    folder.mkdir(parents=True, exist_ok=True)
    anatomy = _Anatomy(seed)
    written = []
    for name in names if only is None else [only]:
        if name in PANELS:
            figure = _draw_transform(anatomy, name, PANELS[name])
        else:
            figure = _draw_recipe(anatomy, name)
        written.append(_write(folder / _file_name(name), encode_png(figure)))
    return [*written, _write(folder / "index.md", _index(folder).encode())]


def _write(path: Path, content: bytes) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return path
