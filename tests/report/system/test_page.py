"""The report of a run: its files, and what the page says."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkdigit.export.model_summary import Layer
from inkdigit.report import archive
from inkdigit.report.data import CurvePoint, Report
from inkdigit.report.page import report_figures, report_html, write_report
from inkdigit.report.rendering import draw_pngs
from inkdigit.runs.run import MANIFEST, read_run, read_verified, write_manifest
from inkdigit.utils.files import write_json
from tests.errors import refused
from tests.handmade import name_in_manifest
from tests.report.runs import EVERY_FILE, NAME, keep, make_bare_report, make_report, make_scored, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with its report. Read it, never change it."""
    folder = keep(tmp_path_factory.mktemp("runs") / "run", make_report())
    write_report(folder, NAME, CURVE)
    return folder


CURVE = [CurvePoint("few", 1000, 0.97, 0.96, 0.98, 20.0), CurvePoint(NAME, 2900, 0.98, 0.97, 0.99, 58.0)]


def html(report: Report) -> str:
    """The page with empty pictures."""
    return report_html(report, "run", 3000, [], {f"{name}.png": b"" for name in names(report)})


def names(report: Report) -> set[str]:
    """The pictures' names."""
    return {name for name, _ in report_figures(report, [])}


def test_every_picture_and_one_small_page_are_written(folder: Path) -> None:
    assert written(folder) == EVERY_FILE
    assert (folder / "report.html").stat().st_size < 2_000_000
    for name in EVERY_FILE - {"report.html"}:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_manifest_names_every_file_with_its_checksum(folder: Path) -> None:
    assert set(read_run(folder).manifest["files"]) >= EVERY_FILE
    for name in EVERY_FILE:
        assert read_verified(folder, name)


def test_the_page_has_every_figure(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<dt>Training images</dt><dd>2,900</dd>" in page
    for text in ("99.55", "2,000 validation rows", "all but 9", "1 min 01 s", "216,650", "411 k", "1.300"):
        assert text in page
    assert "Digits &lt;one&gt; &amp; two" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_the_learning_curve_has_a_line_for_each_run(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 'Digits &lt;one&gt; &amp; two (this run)</th><td class="number">2,900</td>' in page
    assert 'few</th><td class="number">1,000</td>' in page


def test_several_networks_and_views_multiply_the_multiply_adds() -> None:
    report = make_report()
    several = replace(report, networks=3, views=5)
    assert (several.parameters, several.multiply_adds) == (3 * report.parameters, 15 * report.multiply_adds)
    assert "3 networks, 5 views of each image" in html(several)


def test_drawing_again_replaces_only_files_of_the_report(tmp_path: Path) -> None:
    run = keep(tmp_path / "run", make_bare_report())
    write_report(run, "run", [])
    first = {name: (run / name).read_bytes() for name in written(run)}
    for name, content in (("mine.png", b"mine"), ("model.onnx", b"as trained"), ("mistakes.png", b"earlier")):
        (run / name).write_bytes(content)
    name_in_manifest(run, "model.onnx", "mistakes.png")
    (run / "model.onnx").write_bytes(b"changed since")
    (run / "report.html").write_text("damaged")
    (run / "network.png").unlink()
    write_report(run, "run", [])
    assert written(run) == set(first) | {"mine.png", "model.onnx"}
    assert {name: (run / name).read_bytes() for name in first} == first
    assert "mistakes.png" not in read_run(run).manifest["files"]
    with refused("checksum-differs", "model.onnx"):
        read_verified(run, "model.onnx")


def test_a_model_without_mistakes_has_no_picture_of_them() -> None:
    report = replace(make_report(), scored=make_scored(mistakes=0))
    assert {f"{name}.png" for name in names(report)} == EVERY_FILE - {
        "mistakes.png",
        "learning_curve.png",
        "report.html",
    }
    assert "all 2,000 images were read correctly" in html(report)


def test_a_report_of_nothing_scored_augmented_validated_or_convolved() -> None:
    report = make_bare_report()
    assert names(report) == {"samples", "network", "curves", "stages"}
    page = html(report)
    assert "GiB of memory" not in page
    assert "What the convolutions see" not in page


def test_missing_digits_and_an_unusual_network_are_drawn() -> None:
    report = make_report()
    odd = replace(
        report,
        samples=report.samples._replace(counts=np.array([300, 7, 0, 0, 0, 0, 0, 0, 0, 1])),
        augmented=report.augmented[:4],
        layers=[Layer(f"dense_{width}", "Dense", (width,), 0, 0) for width in range(30, 9, -1)],
        scored=make_scored(mistakes=1, rows=10),
    )
    drawn = {"samples", "network", "occlusion", "mistakes"}
    files = draw_pngs((name, figure) for name, figure in report_figures(odd, []) if name in drawn)
    assert set(files) == {f"{name}.png" for name in drawn}


def test_a_manifest_without_figures_is_refused(folder: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(folder, tmp_path / "run"))
    manifest = read_run(run).manifest
    del manifest["figures"]
    write_json(run / MANIFEST, manifest)
    with refused("manifest-damaged", run / MANIFEST):
        write_report(run, "run", [])


def test_nothing_is_written_when_the_archive_was_changed(folder: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(folder, tmp_path / "run"))
    content = bytearray((run / archive.ARCHIVE).read_bytes())
    content[len(content) // 2] ^= 1
    (run / archive.ARCHIVE).write_bytes(content)
    (run / "report.html").write_text("mine")
    with refused("checksum-differs", run / archive.ARCHIVE):
        write_report(run, "run", [])
    assert (run / "report.html").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows rarely lets users make links")
def test_links_and_names_in_a_strangers_run_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    outside = {name: tmp_path / name for name in ("report.html", "samples.png", MANIFEST, "mistakes.png", "other.png")}
    for path in outside.values():
        path.write_text("mine")
    run = Path(shutil.copytree(folder, tmp_path / "run"))
    write_manifest(run, [*read_run(run).manifest["files"]], {"settings": {}, "figures": {"training_rows": 2900}})
    content = (run / MANIFEST).read_text()
    for name in ("report.html", "samples.png", "mistakes.png", "other.png"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(outside[name])
    name_in_manifest(run, "other.png")  # to be removed, since no report has it
    write_report(run, "run", [])
    assert {path.read_text() for path in outside.values()} == {"mine"}
    assert not any(path.is_symlink() for path in run.iterdir())
    for name in ("../other.png", str(outside["other.png"]), "..\\other.png"):
        manifest = json.loads(content)
        manifest["files"][name] = manifest["files"]["samples.png"]
        write_json(run / MANIFEST, manifest)
        with refused("manifest-damaged", run / MANIFEST):
            write_report(run, "run", [])
    assert outside["other.png"].read_text() == "mine"


def test_an_archive_of_other_arrays_is_refused(tmp_path: Path) -> None:
    report = make_report()
    run = keep(tmp_path / "run", replace(report, augmented=report.augmented[0, 0], layers=[]))
    with refused("run-file-incompatible", run / archive.ARCHIVE):
        write_report(run, "run", [])
    assert written(run) == set()
