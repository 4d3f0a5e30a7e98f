"""The models that ship -> docs/model-card.md and its pictures.

    .venv/bin/python tools/model_card.py

Reads MNIST's 10,000 test images again to show the mistakes. The figures of recipes over several seeds come from
benchmarks/records.json, if that file exists.
"""

from __future__ import annotations

import json
import statistics
import textwrap
from pathlib import Path
from typing import Any

from inkdigit import Recognizer
from inkdigit.data import mnist
from inkdigit.evaluation.calibration import calibration_of
from inkdigit.evaluation.metrics import evaluate, percent
from inkdigit.report import charts, image_grids
from inkdigit.report.data import collect_scored
from inkdigit.report.rendering import draw_pngs
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL, SHIPPED_RUN, Run, read_run
from inkdigit.utils.files import atomic, write_files

ROOT = Path(__file__).parents[1]
TEMPLATE = Path(__file__).with_name("model-card.md")
CARD = ROOT / "docs" / "model-card.md"
PICTURES = ROOT / "docs" / "pictures"
RECORDS = ROOT / "benchmarks" / "records.json"


def main() -> None:
    """Write the card."""
    run = read_run(SHIPPED_RUN)
    recognizer = Recognizer.load()
    test = mnist.load()[1]
    probabilities = recognizer.predict_proba(test.images)
    scored = collect_scored("MNIST's 10,000 test images", test, probabilities, calibration_of(run.manifest), recognizer)
    drawings = {"card-mistakes": image_grids.mistakes, "card-reliability": charts.reliability}
    write_files(draw_pngs((name, draw(scored)) for name, draw in drawings.items()), PICTURES)
    evaluation = evaluate(probabilities, test.required_labels)
    digits = [
        f"| {row['digit']} | {row['count']:,} | {percent(row['recall'] or 0)} | {percent(row['precision'] or 0)} |"
        for row in evaluation.per_class
    ]
    text = TEMPLATE.read_text(encoding="utf-8").format(
        models=models(run),
        data=data(run),
        evaluation=evaluation,
        ece=evaluation.ece,
        nll=evaluation.nll,
        seed=run.manifest["settings"]["seed"],
        digits="\n".join(digits),
        records=records(),
    )
    with atomic(CARD) as temporary:
        temporary.write_text(text, encoding="utf-8")


def models(run: Run) -> str:
    """A row for each model."""
    line = read_run(SHIPPED_RUN / "line")
    not_digit = run.manifest[NOT_DIGIT_MODEL]
    rows = [
        (ONNX_MODEL, "reads one digit", run.manifest["parameters"], run.manifest["made_by"], run.folder / ONNX_MODEL),
        (NOT_DIGIT_MODEL, "tells digits from other drawings", not_digit["parameters"], run.manifest["made_by"], None),
        ("line/model.onnx", "finds the digits in a line", None, line.manifest["made_by"], line.folder / ONNX_MODEL),
    ]
    table = ["| model | what it does | parameters | bytes | made by |", "|---|---|---:|---:|---|"]
    for name, task, parameters, command, path in rows:
        size = (path or run.folder / name).stat().st_size
        table.append(f"| `{name}` | {task} | {f'{parameters:,}' if parameters else ''} | {size:,} | `{command}` |")
    return "\n".join(table)


def data(run: Run) -> str:
    """What the models were trained on, and what not."""
    settings, figures = run.manifest["settings"], run.manifest["figures"]
    text = (
        f"`model.onnx` was trained on {figures['training_rows']:,} of MNIST's 60,000 training images; the others were "
        "held out to calibrate it. "
        f"In each epoch, {100 * settings['real_ink']:.0f} % of the images are redrawn with other pens and "
        f"proportions, and {100 * settings['other_styles']:.0f} % are drawn in styles that are rare in MNIST. "
        "`not_digit.onnx` was trained on the same digits and on random letters, scribbles and spots; the line reader "
        "on lines and pages synthesised from the 60,000. No model was trained on any of the 10,000 test images, or on "
        "any real scan. MNIST's writers were American census workers and students: handwriting of other countries is "
        "rarer in it than on real paper."
    )
    return textwrap.fill(text, 120)


def records() -> str:
    """The recipes' figures over several seeds."""
    if not RECORDS.is_file():
        return ""
    rows = ["", "The recipes over several seeds, by `python benchmarks/records.py`:", ""]
    rows += ["| protocol: recipe | accuracy | seeds | parameters | calibration error |", "|---|---:|---:|---:|---:|"]
    kept: dict[str, Any] = json.loads(RECORDS.read_text())
    for name, result in kept.items():
        shares = [100 * correct / result["total"] for correct in result["correct"]]
        spread = f" ± {statistics.stdev(shares):.3f}" if len(shares) > 1 else ""
        rows.append(
            f"| {name} | {statistics.mean(shares):.3f} %{spread} | {len(shares)} | {result['parameters']:,} "
            f"| {statistics.mean(result['ece']):.4f} |"
        )
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
