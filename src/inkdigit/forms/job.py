"""Pictures of one form -> a table of their answers, and a page to review the doubtful ones: one job of the command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from inkdigit.errors import InkdigitError
from inkdigit.forms import csv_table, review, template
from inkdigit.forms.reader import Form
from inkdigit.forms.template import Template
from inkdigit.utils.fenced_process import FencedProcess, FileFailedError
from inkdigit.utils.limits import Limits
from inkdigit.utils.lock import exclusive
from inkdigit.utils.printable import printable

Report = Callable[[str], None]


@dataclass(frozen=True)
class FormJob:
    """What to read and to write.

    Attributes:
        form: the template, a TOML file.
        pictures: one picture of a filled form each.
        table: the CSV table to write.
        review: the HTML page to write, if any.
        run: the run folder whose model reads; None for the one that ships.
        force: whether a table and a page that exist are replaced.
        limits: what reading a picture may take.
    """

    form: Path
    pictures: Sequence[Path]
    table: Path
    review: Path | None = None
    run: Path | None = None
    force: bool = False
    limits: Limits = field(default_factory=Limits)

    def work(self, report: Report, warn: Report) -> bool:
        """Read the pictures, write the table and the page.

        Args:
            report: takes a line for each picture that was read, and one at the end.
            warn: takes a line for each picture that could not be read.

        Returns:
            Whether all pictures were read.

        Raises:
            InkdigitError: the template or the model cannot be read, another process writes the table, it exists, or
                nothing can be written.
        """
        self._check_targets()
        filled = template.load(self.form)
        process = FencedProcess[Path, Form](self.limits, _set_up, filled, self.run)
        with exclusive(self.table), closing(process):
            self._check_free()
            return self._read_all(filled, process, report, warn)

    def _read_all(self, filled: Template, process: FencedProcess[Path, Form], report: Report, warn: Report) -> bool:
        forms: list[Form] = []
        for picture in self.pictures:
            form = _read(process, picture)
            forms.append(form)
            if form.error:
                warn(form.error)
            else:
                report(_answers_line(form))
        csv_table.write(self.table, forms, filled)
        if self.review:
            review.write(self.review, forms, filled, self.table.name)
        report(self._summary(forms))
        return not any(form.error for form in forms)

    def _check_targets(self) -> None:
        sources = {path.resolve() for path in (self.form, *self.pictures)}
        for target in filter(None, (self.table, self.review)):
            if target.is_dir():
                raise InkdigitError(f"{target} is a folder: name a file to write.", code="file-unwritable")
            if target.resolve() in sources or self.review == self.table:
                message = f"{target} would be written over a file of this job: name another file."
                raise InkdigitError(message, code="file-in-use")

    def _check_free(self) -> None:
        """Raise InkdigitError where a file would be replaced that nobody said may be."""
        for target in filter(None, (self.table, self.review)):
            if target.exists() and not self.force:
                message = f"{target} exists: name another file, or replace it with --force."
                raise InkdigitError(message, code="file-exists")

    def _summary(self, forms: Sequence[Form]) -> str:
        answers = [answer for form in forms for answer in form.answers]
        doubtful = sum(answer.doubtful for answer in answers)
        look = f": look at {self.review}" if self.review and doubtful else ""
        read = sum(not form.error for form in forms)
        return f"{self.table}: {read} of {len(forms)} forms read, {doubtful} of {len(answers)} fields doubtful{look}"


def _set_up(filled: Template, run: Path | None) -> Callable[[Path], list[Form]]:
    """In the process that reads: open the models."""
    from inkdigit.forms.reader import FormReader

    reader = FormReader(filled, run)
    return lambda picture: [reader.read(picture)]


def _read(process: FencedProcess[Path, Form], picture: Path) -> Form:
    try:
        (form,) = process.work(picture, lambda: str(picture))
    except FileFailedError as error:
        return Form(picture, error=printable(str(error)))
    return form


def _answers_line(form: Form) -> str:
    """A form that was read -> a line for people; a question mark is a doubt."""
    said = (f"{a.field.name} {a.choice.text or '–'}{'?' * a.doubtful}" for a in form.answers)
    return f"{form.name}: {', '.join(said)}"
