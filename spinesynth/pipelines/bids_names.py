"""Names of BIDS derivatives.

Source:
    BIDS 1.10, derivatives: imaging (``desc-<label>_dseg``) and ``dataset_description.json``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from spinesynth import __version__
from spinesynth.io.atomic import write_text

_ENTITIES = re.compile(r"sub-[A-Za-z0-9]+(?:_[a-z]+-[A-Za-z0-9]+)*")
_SESSION = re.compile(r"_(ses-[A-Za-z0-9]+)")
_DESCRIPTION = "dataset_description.json"
_KIND = re.compile(r"_([A-Za-z0-9]+)")
#: What BIDS has no name for.
_IGNORED = ("*_preview.png", "*_volumes.csv", "run_report.json", "*_itksnap.txt", "*.ctbl")


def bids_stem(name: str) -> Path:
    """Return the place of a label map in a data set, without the suffix of its type.

    Args:
        name: of the scan; entities of BIDS in it are kept, any other becomes the subject. Its
            suffix goes into the description, so that the T1w and T2w of one subject differ.

    Example:
        >>> bids_stem("sub-01_ses-a_T2w").as_posix()
        'sub-01/ses-a/anat/sub-01_ses-a_desc-spinesynthT2w_dseg'
        >>> bids_stem("scan 7.b").as_posix()
        'sub-scan7b/anat/sub-scan7b_desc-spinesynth_dseg'
    """
    found = _ENTITIES.match(name)
    if found and "_desc-" not in found[0]:
        entities, kind = found[0], _KIND.fullmatch(name[found.end() :])
    else:
        entities, kind = "sub-" + (re.sub(r"[^A-Za-z0-9]", "", name) or "unnamed"), None
    session = _SESSION.search(entities)
    place = Path(entities.split("_")[0], *([session[1]] if session else []), "anat")
    return place / f"{entities}_desc-spinesynth{kind[1] if kind else ''}_dseg"


def write_dataset_description(folder: Path) -> None:
    """Write what makes a folder a data set of derivatives; a description that is there stays.

    Raises:
        OutputError: if it cannot be written.
    """
    if (folder / _DESCRIPTION).exists():
        return  # ours from before, or of somebody's own data set
    content = {
        "Name": "Segmentations of the lumbar spine",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "SpineSynth", "Version": __version__}],
    }
    write_text(folder / _DESCRIPTION, json.dumps(content, indent=2) + "\n")
    write_text(folder / ".bidsignore", "".join(f"{line}\n" for line in _IGNORED))
