"""``spinesynth serve`` and ``preannotate``: what they hand on, and what they tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.pipelines import preannotate, segmenter
from spinesynth.pipelines.preannotate import Preannotation
from spinesynth.postprocess import Cleaning
from spinesynth.service import extra, server
from tests.house.command_line import Recorder, run_words

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(None)
    monkeypatch.setattr(server, "serve", recorder)
    monkeypatch.delenv("SPINESYNTH_TOKEN", raising=False)
    return recorder


def test_serve_stays_on_this_machine_unless_told(started: Recorder) -> None:
    assert run_words("serve") == 0
    options = started.options
    assert (options["host"], options["port"]) == ("127.0.0.1", 8000)
    assert (options["token"], options["folder"], options["model"]) == (None, None, "default")
    assert started.words[0].args == (None,)
    assert (options["limits"].queue, options["limits"].upload_bytes) == (8, 256 * 2**20)


def test_serve_hands_its_limits_and_weights_on(started: Recorder, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    words = ("-w", "a/x.pt", "-w", "y", "--queue", "3", "--timeout", "9", "--upload", "1")
    more = ("--keep", "2", "--memory", "4", "--host", "0.0.0.0", "--save-dir", str(tmp_path))
    token = ("--token-file", str(tmp_path / "token"), "--engine", "onnx", "--threads", "2")
    assert run_words("serve", *words, *more, *token) == 0
    limits = started.options["limits"]
    assert (limits.queue, limits.job_s, limits.keep_s) == (3, 9, 120)
    assert (limits.upload_bytes, limits.memory_bytes) == (2**20, 4 * 2**30)
    assert started.options["token"] == TOKEN
    assert started.options["model"] == "x+y"
    assert started.options["folder"] == tmp_path
    assert started.words[0].args == (["a/x.pt", "y"],)
    assert started.words[0].keywords == {
        "scheme": None, "device": "auto", "engine": "onnx", "threads": 2,
    }  # fmt: skip


def test_missing_extra_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "multipart" else name)
    assert run_words("serve") == 2
    assert capsys.readouterr().err == (
        "spinesynth: [E-SERVE-019] the service needs python-multipart; "
        "run: pip install 'spinesynth[serve]'\n"
    )


@pytest.mark.parametrize("status", [0, 1])
def test_preannotate_tells_where_the_worklist_is(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = ("[E-FMT-001] b is cut off",) * status
    made = Preannotation(Path("o/worklist.csv"), Path("o/cases.csv"), 2, refused, status)
    prepared, loaded = Recorder(made), Recorder("segmenter")
    monkeypatch.setattr(preannotate, "prepare_annotation", prepared)
    monkeypatch.setattr(segmenter, "SpineSegmenter", loaded)
    assert run_words("preannotate", "-i", "scans", "-o", "o", "-w", "x", "--threads", "2") == status
    assert prepared.words == ("segmenter", Path("scans"), Path("o"))
    assert loaded.words == (["x"],)
    assert loaded.options == {
        "scheme": None,
        "device": "auto",
        "threads": 2,
        "cleaning": Cleaning(),
    }
    printed = capsys.readouterr()
    assert printed.out == "o/worklist.csv: 2 scans; corrected, they are o/cases.csv\n"
    assert printed.err.splitlines() == list(refused)
