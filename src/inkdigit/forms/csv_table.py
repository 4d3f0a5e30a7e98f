"""The answers of many forms -> a CSV table with a row for each picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from inkdigit.forms.reader import Form
from inkdigit.forms.template import Template
from inkdigit.utils.files import atomic
from inkdigit.utils.printable import table_cell


def columns(template: Template) -> list[str]:
    """A template -> the table's header: file, each field with its confidence, error."""
    return ["file", *(column for f in template.fields for column in (f.name, f"{f.name}_confidence")), "error"]


def row(form: Form, template: Template) -> list[str]:
    """A form -> the cells of its row; after an error those of the answers are empty."""
    cells = [cell for a in form.answers for cell in (a.choice.text, shown(a.choice.confidence))]
    cells = cells or [""] * (2 * len(template.fields))
    return [table_cell(str(form.file)), *cells, table_cell(form.error or "")]


def shown(confidence: float) -> str:
    """A confidence -> the text of its cell, with four digits; only 1 itself is shown as 1."""
    return f"{min(confidence, 0.9999):.4f}" if confidence < 1 else "1.0000"


def write(path: Path, forms: Sequence[Form], template: Template) -> None:
    """Write the table as CSV in UTF-8, whole or not at all.

    Raises:
        InkdigitError: it cannot be written; `path` stays as it was.
    """
    content = io.StringIO(newline="")
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(columns(template))
    writer.writerows(row(form, template) for form in forms)
    with atomic(path) as temporary:
        temporary.write_text(content.getvalue(), encoding="utf-8", newline="")
