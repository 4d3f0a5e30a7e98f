from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inkdigit.errors import InkdigitError
from inkdigit.export.model_summary import Layer
from inkdigit.report import archive, page
from inkdigit.report.data import Report
from inkdigit.report.feature_maps import Convolutions
from inkdigit.report.page import write_report
from inkdigit.runs.run import MANIFEST, add_to_manifest, read_run, read_verified, write_manifest
from inkdigit.utils.files import write_json
from tests.conftest import Command, RunAndKill
from tests.report.conftest import visit
from tests.report.test_data import make_report, make_scored

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EVERYTHING = {
    "samples.png",
    "augmentation.png",
    "network.png",
    "filters.png",
    "feature_maps.png",
    "curves.png",
    "learning_curve.png",
    "confusion.png",
    "mistakes.png",
    "typical_and_strange.png",
    "occlusion.png",
    "reliability.png",
    "stages.png",
    "report.html",
}


def finish(folder: Path, report: Report, rows: int = 3000, **about: Any) -> Path:
    """A run folder with all that a report is rendered from."""
    folder.mkdir(parents=True)
    archive.write(report, folder)
    figures = {"training_rows": rows, "accuracy": 0.98, "low": 0.97, "high": 0.99, "training_seconds": rows / 50}
    write_manifest(folder, [archive.ARCHIVE], {"settings": {}, "figures": figures} | about)
    return folder


def written(folder: Path) -> set[str]:
    """What lies in a run folder beside what the report is rendered from."""
    return {path.name for path in folder.iterdir()} - {MANIFEST, archive.ARCHIVE}


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report()


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its report, beside one of fewer rows."""
    folder = tmp_path_factory.mktemp("runs")
    finish(folder / "few", report, rows=1000)
    finish(folder / "all", report, rows=2900)
    write_report(folder / "all", "Digits <one> & two", [])
    return folder / "all"


def test_every_picture_and_one_small_page_are_written(folder: Path):
    assert written(folder) == EVERYTHING
    assert (folder / "report.html").stat().st_size < 2_000_000
    for name in EVERYTHING - {"report.html"}:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_manifest_names_every_file_with_its_checksum(folder: Path):
    assert set(read_run(folder).manifest["files"]) == EVERYTHING | {archive.ARCHIVE}
    for name in EVERYTHING:
        assert read_verified(folder, name)


def test_the_page_says_what_was_measured(folder: Path):
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "<dt>Training images</dt><dd>2,900</dd>" in html
    for text in ("99.55", "2,000 validation rows", "all but 9", "1 min 01 s", "216,650", "411 k", "1.300"):
        assert text in html
    assert "Digits &lt;one&gt; &amp; two" in html
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_the_learning_curve_has_a_line_for_each_run(folder: Path):
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert 'Digits &lt;one&gt; &amp; two (this run)</th><td class="number">2,900</td>' in html
    assert 'few</th><td class="number">1,000</td>' in html


def test_rendering_again_elsewhere_gives_the_same_files(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "moved")
    shutil.copytree(folder.parent / "few", tmp_path / "few")
    (tmp_path / "moved" / "mistakes.png").unlink()
    (tmp_path / "moved" / "report.html").write_text("damaged")
    write_report(tmp_path / "moved", "Digits <one> & two", [])
    for name in EVERYTHING:
        assert (tmp_path / "moved" / name).read_bytes() == (folder / name).read_bytes()


def test_a_kill_while_it_is_rendered_again_leaves_a_whole_run(
    run_command: Command, run_and_kill: RunAndKill, folder: Path, tmp_path: Path
):
    run = Path(shutil.copytree(folder, tmp_path / "run"))
    before = (run / "manifest.json").read_bytes()
    run_and_kill("manifest.json", "report", run)
    assert (run / "manifest.json").read_bytes() == before
    done = run_command("report", run)
    assert done.returncode == 0, done.stderr
    for name in EVERYTHING - {"learning_curve.png"} | {archive.ARCHIVE}:
        assert read_verified(run, name)


def test_only_what_belongs_to_the_report_is_replaced(folder: Path, tmp_path: Path):
    alone = tmp_path / "alone"
    shutil.copytree(folder, alone)
    (alone / "mine.png").touch()
    (alone / "model.onnx").write_bytes(b"as trained")
    add_to_manifest(alone, ["model.onnx"])
    (alone / "model.onnx").write_bytes(b"changed since")
    write_report(alone, "alone", [])  # without a neighbour there is no curve, and its earlier picture goes
    assert written(alone) == EVERYTHING - {"learning_curve.png"} | {"mine.png", "model.onnx"}
    assert "learning_curve.png" not in read_run(alone).manifest["files"]
    with pytest.raises(InkdigitError, match=r"model\.onnx is not the file"):
        read_verified(alone, "model.onnx")


def test_a_model_without_mistakes(report: Report, tmp_path: Path):
    folder = finish(tmp_path / "run", replace(report, scored=make_scored(mistakes=0)))
    write_report(folder, "run", [])
    assert written(folder) == EVERYTHING - {"mistakes.png", "learning_curve.png"}
    assert "There are none: all 2,000 images" in (folder / "report.html").read_text(encoding="utf-8")


def test_nothing_scored_nothing_augmented_nothing_validated_nothing_convolved(report: Report, tmp_path: Path):
    nothing = np.zeros((0, 1, 1), np.float32)
    bare = replace(
        report,
        scored=None,
        augmented=np.repeat(report.augmented[:, :1], 3, axis=1),
        convolutions=Convolutions(nothing, nothing, []),
        history=[{"loss": 0.4, "accuracy": 0.91}],
        learning_rates=np.array([1e-3]),
        memory_peak=0,
    )
    folder = finish(tmp_path / "run", bare)
    write_report(folder, "run", [])
    assert written(folder) == {"samples.png", "network.png", "curves.png", "stages.png", "report.html"}
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "GiB of memory" not in html
    assert "What the convolutions see" not in html


def test_digits_that_are_missing_and_a_network_of_another_shape(report: Report, tmp_path: Path):
    odd = replace(
        report,
        samples=report.samples._replace(counts=np.array([300, 7, 0, 0, 0, 0, 0, 0, 0, 1])),
        augmented=report.augmented[:4],
        layers=[Layer(f"dense_{width}", "Dense", (width,), 0, 0) for width in range(30, 9, -1)],
        scored=make_scored(mistakes=1, rows=10),
    )
    folder = finish(tmp_path / "run", odd)
    write_report(folder, "run", [])
    assert {"samples.png", "network.png", "occlusion.png", "mistakes.png"} <= written(folder)


def test_a_folder_without_a_report_is_told(tmp_path: Path):
    write_manifest(tmp_path, [], {"settings": {}})
    with pytest.raises(InkdigitError, match=r"does not name report\.npz"):
        write_report(tmp_path, "run", [])


def test_a_manifest_without_figures_is_told(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "run")
    manifest = read_run(tmp_path / "run").manifest
    del manifest["figures"]
    write_json(tmp_path / "run" / "manifest.json", manifest)
    with pytest.raises(InkdigitError, match=r"manifest\.json is damaged \('figures'\)"):
        write_report(tmp_path / "run", "run", [])


def test_nothing_is_written_when_the_content_was_changed(folder: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(folder, run)
    content = bytearray((run / archive.ARCHIVE).read_bytes())
    content[len(content) // 2] ^= 1
    (run / archive.ARCHIVE).write_bytes(content)
    (run / "report.html").write_text("mine")
    with pytest.raises(InkdigitError, match=r"report\.npz is not the file"):
        write_report(run, "run", [])
    assert (run / "report.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.25, "4.2 s"),
        (59.97, "1 min 00 s"),
        (252, "4 min 12 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_duration(seconds: float, text: str):
    assert page.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12"), (999, "999"), (9_415_424, "9.42 M"), (317_000, "317 k"), (999_950, "1 M")]
)
def test_short(count: int, text: str):
    assert page.short(count) == text


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_opens_in_a_browser_and_asks_for_nothing_else(folder: Path, browser: Browser, width: int):
    seen = visit(browser, folder / "report.html", width)
    assert seen.complaints == []
    assert seen.requests == [(folder / "report.html").as_uri()]
    assert len(seen.image_widths) == len(EVERYTHING) - 1
    assert min(seen.image_widths) > 0
    assert seen.overflow == 0
