"""`inkdigit read --form`: pictures of forms -> a table of answers, and a page of those to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from inkdigit.errors import InkdigitError
from inkdigit.forms import csv_table, review, template
from inkdigit.forms.reader import Form, FormReader

Tell = Callable[[str], None]


def run(
    form: Path, pictures: Sequence[Path], output: Path, page: Path | None, model: Path | None, tell: Tell, warn: Tell
) -> bool:
    """Read pictures of one form, write the table and, where `page` is given, the page to review; whether all were read.

    tell, warn: take a line for each picture that was read, and that was not. Raises InkdigitError where nothing can
    be read or written.
    """
    for target in filter(None, (output, page)):
        if target.is_dir():
            raise InkdigitError(f"{target} is a folder: name a file to write.")
        if target.resolve() in {path.resolve() for path in (form, *pictures)} or page == output:
            raise InkdigitError(f"{target} would be written over what it is read from: name another file.")
    reader = FormReader(template.load(form), model)
    forms: list[Form] = []
    for picture in pictures:
        forms.append(reader.read(picture))
        (warn if forms[-1].error else tell)(_line(forms[-1]))
    csv_table.write(output, forms, reader.template)
    if page:
        review.write(page, forms, reader.template, output.name)
    answers = [answer for form in forms for answer in form.answers]
    doubtful = sum(answer.doubtful for answer in answers)
    look = f": look at {page}" if page and doubtful else ""
    read = sum(not form.error for form in forms)
    tell(f"{output}: {read} of {len(forms)} forms read, {doubtful} of {len(answers)} fields doubtful{look}")
    return read == len(forms)


def _line(form: Form) -> str:
    """What was read in one picture, for people; a question mark is a doubt."""
    if form.error:
        return form.error
    said = (f"{a.field.name} {a.choice.text or '–'}{'?' * a.doubtful}" for a in form.answers)
    return f"{form.file}: {', '.join(said)}"
