"""The answers of many forms as a table: a row for each picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from inkdigit.forms.reader import Form
from inkdigit.forms.template import Template
from inkdigit.utils.files import atomic

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a cell that begins so is a formula to a spreadsheet, or hides one


def columns(template: Template) -> list[str]:
    """The header: file, each field with its confidence, error."""
    return ["file", *(column for f in template.fields for column in (f.name, f"{f.name}_confidence")), "error"]


def row(form: Form, template: Template) -> list[str]:
    """The cells of a form's row; after an error there are no answers."""
    cells = [cell for a in form.answers for cell in (a.choice.text, shown(a.choice.confidence))]
    cells = cells or [""] * (2 * len(template.fields))
    return [_text(str(form.file)), *cells, _text(form.error or "")]


def shown(confidence: float) -> str:
    """A confidence with four digits; what is not certain is not rounded to 1."""
    return f"{min(confidence, 0.9999):.4f}" if confidence < 1 else "1.0000"


def _text(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def write(path: Path, forms: Sequence[Form], template: Template) -> None:
    """Write the table as CSV in UTF-8. Raises InkdigitError where that cannot be done; then `path` is as it was."""
    content = io.StringIO(newline="")
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(columns(template))
    writer.writerows(row(form, template) for form in forms)
    with atomic(path) as temporary:
        temporary.write_text(content.getvalue(), encoding="utf-8", newline="")
