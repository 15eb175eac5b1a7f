"""Predictions of nnU-Net come back with the record of the data set that it was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinesynth.errors import InputError
from spinesynth.pipelines.nnunet_export import export_nnunet
from spinesynth.pipelines.nnunet_record import read_nnunet_record
from tests.fabricate import (
    write_spider,
)
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tool_cases import (
    TPTBOX,
    compare,
    predict,
    recoded,
    table,
)

pytestmark = pytest.mark.usefixtures("no_report")


def exported(root: Path) -> tuple[Path, Path]:
    """Export two training patients, and return dataset.json and data of one that is held out."""
    data = write_patients(root, {"one": 3})
    split = root / "split.csv"
    split.write_text("case_id,split\none0,train\none1,validation\none2,test\n")
    export_nnunet(data, root / "raw", split=split)
    held_out = root / "held_out.csv"
    lines = data.read_text().splitlines()
    held_out.write_text(f"{lines[0]}\n{lines[3]}\n")
    return root / "raw" / "Dataset501_LumbarSpine" / "dataset.json", held_out


def test_predictions_of_an_exported_data_set_come_back(tmp_path: Path) -> None:
    record, held_out = exported(tmp_path)
    body = {1: 1, 2: 1, 3: 1, 201: 2, 202: 2, 203: 2, 100: 3}
    folder = predict(tmp_path / "nnunet", recoded(body), names=("one2",))
    (folder / "plans.json").write_text("{}")
    out = compare(tmp_path, folder, schemes=(str(record),), data=held_out)
    dice = table(out).query("metric == 'dice'").set_index("structure")["value"]
    assert dice["disc"] == dice["canal"] == 1.0
    assert json.loads((out / "run.json").read_text())["tools"][0]["training_known"] is True


def test_patients_of_an_exported_data_set_are_not_scored(tmp_path: Path) -> None:
    record, _ = exported(tmp_path)
    folder = predict(tmp_path / "nnunet", recoded({201: 2}), names=("one0", "one1", "one2"))
    said = r"E-SPLIT-002.*patient one0 .*patient one1 .*image of one0.*mask of one1"
    with pytest.raises(InputError, match=said):
        compare(tmp_path, folder, schemes=(str(record),), data=tmp_path / "cases.csv")


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"spinesynth": {"scheme": "semantic4"}}'])
def test_foreign_dataset_json_is_refused(tmp_path: Path, text: str) -> None:
    record = tmp_path / "dataset.json"
    record.write_text(text)
    write_spider(tmp_path / "spider")
    with pytest.raises(InputError, match=r"E-CMP-004.*export nnunet"):
        compare(tmp_path, predict(tmp_path / "t", recoded(TPTBOX)), schemes=(str(record),))


@pytest.mark.parametrize(
    "damage",
    [
        {"patients": "one0"},
        {"patients": []},
        {"patients": ["one0"]},
        {"patients": [["made", 1]]},
        {"contents": "junk"},
        {"contents": ["junk"]},
        {"contents": None},
    ],
)
def test_damaged_record_does_not_turn_the_guard_off(
    tmp_path: Path, damage: dict[str, object]
) -> None:
    said = {"scheme": "semantic4", "patients": [["made", "one0"]], "contents": ["ab12 mask one0"]}
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"spinesynth": said}))
    assert read_nnunet_record(path)[1].patients == {("made", "one0")}
    path.write_text(json.dumps({"spinesynth": said | damage}))
    with pytest.raises(InputError, match=r"E-CMP-004.*(must be a list|no digests)"):
        read_nnunet_record(path)
