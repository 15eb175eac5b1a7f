"""Names and colours of a label scheme, in the files that viewers read.

Source:
    Layouts of ITK-SNAP's label description file and 3D Slicer's colour table, as those
    programs export them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from spinesynth.anatomy.label_schemes import Code, LabelScheme
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure
from spinesynth.io.atomic import write_text

_Colour = tuple[int, int, int]
_BLACK: _Colour = (0, 0, 0)
#: Share of white in the colour of every other vertebra and disc; nominal.
_TINT = 0.45


class LegendEntry(NamedTuple):
    """Say what one code of a label map is.

    Attributes:
        code: in the label map.
        name: of it.
        structure: name of the ``Structure``.
        colour: red, green and blue, 0 to 255.
    """

    code: int
    name: str
    structure: str
    colour: _Colour

    @property
    def hex_colour(self) -> str:
        """Return the colour as ``#rrggbb``."""
        return "#" + "".join(f"{part:02x}" for part in self.colour)


def legend_of(scheme: LabelScheme) -> list[LegendEntry]:
    """Return what each code of a scheme is, in order, background first.

    Example:
        >>> from spinesynth.anatomy.label_schemes import get_scheme
        >>> [entry.name for entry in legend_of(get_scheme("semantic4"))]
        ['background', 'vertebra', 'disc', 'canal']
    """
    return [
        LegendEntry(number, code.name, code.structure.name.lower(), _colour(code))
        for number, code in sorted(scheme.codes.items())
    ]


def _colour(code: Code) -> _Colour:
    """Return the colour of a structure, neighbours that are counted in turn lighter."""
    from spinesynth.viz import STRUCTURE_COLOURS  # heavy

    group = next((name for name, parts in REPORT_GROUPS.items() if parts == {code.structure}), None)
    group = group or next((n for n, parts in REPORT_GROUPS.items() if code.structure in parts), "")
    if code.structure is Structure.BACKGROUND or not group:
        return _BLACK
    text = STRUCTURE_COLOURS[group].removeprefix("#")
    tint = _TINT if (code.instance or 1) % 2 == 0 else 0.0
    red, green, blue = (
        round(int(text[at : at + 2], 16) * (1 - tint) + 255 * tint) for at in (0, 2, 4)
    )
    return red, green, blue


def itksnap_text(legend: Sequence[LegendEntry]) -> str:
    """Return a label description file of ITK-SNAP."""
    head = "# ITK-SNAP Label Description File\n# IDX -R- -G- -B- -A-- VIS MSH LABEL\n"
    rows = []
    for entry in legend:
        seen = int(entry.code > 0)
        name = entry.name.replace('"', "'") if seen else "Clear Label"
        red, green, blue = entry.colour
        rows.append(f"{entry.code:5d} {red:5d} {green:4d} {blue:4d} {seen:8d} {seen:2d} {seen:2d}")
        rows[-1] += f'    "{name}"\n'
    return head + "".join(rows)


def slicer_text(legend: Sequence[LegendEntry], *, title: str) -> str:
    """Return a colour table of 3D Slicer (``.ctbl``)."""
    head = f"# Color table file {title}\n# {len(legend)} values\n"
    rows = (
        f"{e.code} {'_'.join(e.name.split())} {' '.join(map(str, e.colour))} {255 * (e.code > 0)}\n"
        for e in legend
    )
    return head + "".join(rows)


def write_legends(folder: Path, scheme: LabelScheme) -> None:
    """Write names and colours of the codes of a scheme, for ITK-SNAP and for 3D Slicer.

    Args:
        folder: for ``<scheme>_itksnap.txt`` and ``<scheme>.ctbl``.
        scheme: of the label maps there.

    Raises:
        OutputError: if the disk refuses.
    """
    legend = legend_of(scheme)
    write_text(folder / f"{scheme.name}_itksnap.txt", itksnap_text(legend))
    write_text(folder / f"{scheme.name}.ctbl", slicer_text(legend, title=scheme.name))


def segment_fields(legend: Iterable[LegendEntry]) -> dict[str, str]:
    """Return the header fields of an NRRD file that name its segments to 3D Slicer."""
    fields: dict[str, str] = {}
    for number, entry in enumerate(entry for entry in legend if entry.code):
        start = f"Segment{number}_"
        fields |= {
            f"{start}ID": f"Segment_{entry.code}",
            f"{start}Name": entry.name,
            f"{start}LabelValue": str(entry.code),
            f"{start}Layer": "0",
            f"{start}Color": " ".join(f"{part / 255:.6f}" for part in entry.colour),
        }
    return fields
