"""The chart shows the contrast of the signal equation, real protocols and a phantom's images."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import torch

from spinesynth.anatomy.protocols import Sequence, draw_protocol
from spinesynth.anatomy.relaxation import tissue_mr
from spinesynth.anatomy.tissues import Tissue
from spinesynth.cli import run
from spinesynth.errors import ConfigError, OutputError
from spinesynth.pipelines import contrast_chart
from spinesynth.pipelines.contrast_chart import (
    draw_contrast_chart,
    tissue_contrast,
    tissue_signal,
)
from spinesynth.viz import ContrastChart

fields = pytest.mark.parametrize("field_t", [1.5, 3.0])
MAX_BYTES = 300_000  # of a picture in a page


def _by_hand(tissue: Tissue, field_t: float, tr_ms: float, te_ms: float) -> float:
    mr = tissue_mr(tissue, field_t)
    recovered = 1 - math.exp(-tr_ms / mr.t1_ms.mean)
    return mr.pd.mean * recovered * math.exp(-te_ms / mr.t2_ms.mean)


def _chart(field_t: float = 1.5, seed: int = 0) -> ContrastChart:
    pairs = [(Tissue.CSF, Tissue.CORD), (Tissue.MARROW_BODY, Tissue.MUSCLE)]
    times = {"tr_ms": contrast_chart._path_ms(1), "te_ms": contrast_chart._path_ms(2)}
    signals = tissue_signal(list(Tissue), field_t=field_t, **times)
    return contrast_chart._chart(pairs, signals, field_t=field_t, seed=seed)


@fields
@pytest.mark.parametrize(("row", "column"), [(0, 0), (40, 100), (145, 160)])
def test_planes_hold_the_contrast_of_the_formula(row: int, column: int, field_t: float) -> None:
    chart = _chart(field_t)
    times = (field_t, chart.tr_ms[column], chart.te_ms[row])
    csf, cord = _by_hand(Tissue.CSF, *times), _by_hand(Tissue.CORD, *times)
    expected = (csf - cord) / (csf + cord)
    # both in float64, a few roundings apart
    assert chart.planes[0].contrast[row, column] == pytest.approx(expected, rel=1e-12)


def test_planes_span_the_times_that_they_are_drawn_over() -> None:
    chart = _chart()
    # ends of a logarithmic axis come out of exp(log(x)), right to a rounding
    assert chart.tr_ms[[0, -1]] == pytest.approx([200, 6000])
    assert chart.te_ms[[0, -1]].tolist() == [5, 150]
    assert [plane.contrast.shape for plane in chart.planes] == [(146, 161)] * 2


def test_contrast_is_zero_where_the_signals_cross() -> None:
    # as bright as each other where exp(-TE (1/T2 - 1/T2')) is the inverse ratio of all else
    tr_ms, csf, cord = 1000.0, tissue_mr(Tissue.CSF, 1.5), tissue_mr(Tissue.CORD, 1.5)
    start = _by_hand(Tissue.CORD, 1.5, tr_ms, 0.0) / _by_hand(Tissue.CSF, 1.5, tr_ms, 0.0)
    crossing_ms = math.log(start) / (1 / cord.t2_ms.mean - 1 / csf.t2_ms.mean)
    te_ms = np.array([crossing_ms - 1, crossing_ms, crossing_ms + 1])
    times = {"tr_ms": np.array(tr_ms), "te_ms": te_ms}
    before, there, after = tissue_contrast(Tissue.CSF, Tissue.CORD, field_t=1.5, **times)
    assert 5 < crossing_ms < 150  # in the plane, or the line would not be seen
    assert before < 0 < after  # CSF decays the more slowly
    assert there == pytest.approx(0, abs=1e-12)  # roundings of two signals of about 0.1


def test_contrast_turns_its_sign_with_the_order_and_stays_within_one() -> None:
    times = {"tr_ms": np.array([200.0, 6000.0]), "te_ms": np.array([150.0, 5.0])}
    for second in (Tissue.MUSCLE, Tissue.CORTEX, Tissue.AIR):
        contrast = tissue_contrast(Tissue.FAT, second, field_t=3.0, **times)
        turned = tissue_contrast(second, Tissue.FAT, field_t=3.0, **times)
        assert (contrast > 0).all()
        assert (contrast <= 1).all()
        assert (turned == -contrast).all()


@fields
def test_clouds_are_protocols_of_the_field_and_the_path_ends_among_them(field_t: float) -> None:
    chart = _chart(field_t)
    ends = {"T1 TSE (SPIDER)": chart.stops[0], "T2 TSE (SPIDER)": chart.stops[-1]}
    assert set(chart.clouds) == set(ends)
    for name, stop in ends.items():
        low, high = chart.clouds[name].min(0), chart.clouds[name].max(0)
        assert low[0] <= stop.tr_ms <= high[0]
        assert low[1] <= stop.te_ms <= high[1]
    assert chart.clouds["T1 TSE (SPIDER)"][:, 1].max() < 14  # the longest TE of SPIDER's T1 is 13.8
    assert chart.clouds["T2 TSE (SPIDER)"][:, 1].min() >= 80


def test_clouds_depend_on_the_field_and_the_seed() -> None:
    name = "T2 TSE (SPIDER)"
    clouds = [_chart(*words).clouds[name] for words in ((1.5, 0), (1.5, 0), (1.5, 1), (3.0, 0))]
    assert (clouds[0] == clouds[1]).all()
    assert (clouds[0] != clouds[2]).any()
    assert clouds[3][:, 1].max() == pytest.approx(120, abs=1) != clouds[0][:, 1].max()


def test_box_is_the_range_of_the_thesis() -> None:
    random = np.random.RandomState(0)
    drawn = [draw_protocol(random, sequences=(Sequence.SPIN_ECHO,)) for _ in range(400)]
    for times, (low, high) in (
        ([p.tr_ms for p in drawn], contrast_chart._THESIS.tr_ms),
        ([p.te_ms for p in drawn], contrast_chart._THESIS.te_ms),
    ):
        assert low <= min(times)
        assert max(times) <= high
        # of 400 even draws none within 5 % of an end: 0.95**400, about 1e-9
        assert min(times) < low + 0.05 * (high - low)
        assert max(times) > high - 0.05 * (high - low)


def test_images_are_painted_with_the_signals_of_their_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contrast_chart, "_NOISE", 0.0)
    monkeypatch.setattr(contrast_chart, "_PARTIAL_VOLUME_VOX", 0.0)
    signals = np.zeros((len(Tissue), 2))
    signals[[Tissue.CSF, Tissue.FAT], :] = [[1, 4], [3, 2]]
    images = contrast_chart._paint(signals, 0)
    half = 0.501 / 63  # of a grey: each is relative to its brightest tissue, and rounded
    assert images.shape == (2, 170, 200)
    assert torch.unique(images[0]).tolist() == pytest.approx([0, 1 / 3, 1], abs=half)
    assert torch.unique(images[1]).tolist() == pytest.approx([0, 0.5, 1], abs=half)
    assert ((images[0] == 1) == ((images[1] > 0.4) & (images[1] < 0.6))).all()  # the fat


def test_fluid_is_dark_in_the_first_image_and_bright_in_the_last() -> None:
    chart = _chart()
    maps = [stop.image for stop in chart.stops]
    csf = maps[-1] >= np.quantile(maps[-1], 0.98)  # nothing is as bright on T2
    assert [stop.weighting for stop in chart.stops[::5]] == ["T1-weighted", "T2-weighted"]
    assert maps[0][csf].mean() < 0.5 * maps[-1][csf].mean()


def test_picture_and_table_are_written_and_the_seed_fixes_them(tmp_path: Path) -> None:
    drawn = []
    for folder in ("one", "two"):
        files = (tmp_path / folder / "new" / "chart.png", tmp_path / folder / "chart.csv")
        pairs = [("fat", "muscle")]
        written = draw_contrast_chart(files[0], pairs=pairs, field_t=3.0, seed=1, table=files[1])
        assert written == list(files)
        drawn.append([path.read_bytes() for path in written])
    assert drawn[0] == drawn[1]
    picture = matplotlib.image.imread(files[0])
    assert 600 < picture.shape[0] < 900  # fits onto a screen
    assert picture.shape[1] == 1100
    assert len(drawn[0][0]) < MAX_BYTES
    assert picture[..., :3].std() > 0.1  # blank paper has none
    table = pd.read_csv(files[1])
    assert list(table.columns) == ["tissue", "field_t", "tr_ms", "te_ms", "signal"]
    assert len(table) == 6 * len(Tissue)
    for row in table[table["tissue"] == "csf"].itertuples():
        expected = _by_hand(Tissue.CSF, 3.0, row.tr_ms, row.te_ms)  # type: ignore[arg-type]  # stub
        assert row.signal == pytest.approx(expected, rel=1e-5)  # six digits are written


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("nucleos", "csf"), r"E-CONF-012.*'nucleos' is not a tissue \(did you mean 'nucleus'\?\)"),
        (("csf", "xyzzy"), "'xyzzy' is not a tissue; there are fat, muscle, "),
        (("Nucleos", "csf"), r"'Nucleos' is not a tissue \(did you mean 'nucleus'\?\)"),
        (("csf", "bowel_gas"), "'bowel_gas' gives no signal"),
        (("csf", "CSF"), "must differ, got 'csf' and 'CSF'"),
    ],
    ids=str,
)
def test_tissues_that_cannot_be_compared_are_refused(
    pair: tuple[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=said):
        draw_contrast_chart(tmp_path / "new" / "chart.png", pairs=[pair])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "table", "said"),
    [("chart.jpg", None, r"must be \.png, got '\.jpg'"), ("chart.png", "t.txt", r"must be \.csv")],
)
def test_other_files_are_refused_before_anything_is_written(
    path: str, table: str | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=rf"E-OUT-003.*{said}"):
        draw_contrast_chart(tmp_path / path, table=table and tmp_path / table)
    assert list(tmp_path.iterdir()) == []


def test_chart_of_another_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"field_t must be one of 1\.5, 3\.0, got 7"):
        draw_contrast_chart(tmp_path / "chart.png", field_t=7.0)


def test_command_passes_its_options_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def draw(path: Path, **options: object) -> list[Path]:
        asked.append((path, options))
        return [path]

    monkeypatch.setattr(contrast_chart, "draw_contrast_chart", draw)
    file = tmp_path / "chart.png"
    words = ["--field", "3.0", "--seed", "5", "--csv", "t.csv"]
    pairs = ["--tissues", "csf, cord", "--tissues", "fat,muscle"]
    assert run(["contrast-chart", "--out", str(file), *words, *pairs], command="") == 0
    assert run(["contrast-chart"], command="") == 0
    chosen = {"field_t": 3.0, "seed": 5, "table": Path("t.csv")}
    assert asked == [
        (file, {"pairs": [("csf", "cord"), ("fat", "muscle")], **chosen}),
        (
            Path("results/contrast_chart.png"),
            {"pairs": contrast_chart.DEFAULT_PAIRS, "field_t": 1.5, "seed": 42, "table": None},
        ),
    ]
    assert capsys.readouterr().out.splitlines() == [str(path) for path, _ in asked]


def test_picture_of_the_page_is_small() -> None:
    picture = Path(__file__).parents[2] / "docs" / "images" / "contrast_chart.png"
    assert picture.stat().st_size < MAX_BYTES
