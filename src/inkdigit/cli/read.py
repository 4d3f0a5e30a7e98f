"""`inkdigit read`: pictures -> the digits on them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inkdigit.cli.group import USER_ERROR, print_error, print_lines
from inkdigit.cli.options import FILE, given_options, limits_options
from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra
from inkdigit.utils.limits import Limits

if TYPE_CHECKING:
    from inkdigit.reading.file_results import FileResult

    TextLines = Callable[
        [FileResult, bool], list[str]
    ]  # a result -> lines for people, with the picture's name or without

Layout = Literal["page", "line", "single"]
LIMIT_OPTIONS = {"read_timeout", "read_memory"}
FORM_OPTIONS = {"form", "output", "review", "run", "force"} | LIMIT_OPTIONS  # parameters that go with --form


@click.command()
@click.argument("files", metavar="PICTURE...", nargs=-1, required=True, type=FILE)
@click.option("--page", "layout", flag_value="page", default=True, help="Find the lines of digits.  [default]")
@click.option("--line", "layout", flag_value="line", help="There is one line of digits.")
@click.option("--single", "layout", flag_value="single", help="There is one digit.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per picture or page, one a line.")
@click.option("--annotate", type=FILE, metavar="DIR", help="Write each picture there with what was read.")
@click.option("--min-confidence", type=click.FloatRange(0, 1), help="Leave out digits less certain than that, 0 to 1.")
@click.option("--model", "run", type=FILE, metavar="RUN", help="Whose model reads.  [default: the one that ships]")
@click.option("--url", help="Let the Inkdigit server there read, such as http://127.0.0.1:8000.")
@click.option("--api-key", envvar="INKDIGIT_API_KEY", help="For that server; or the variable INKDIGIT_API_KEY.")
@click.option("--form", type=FILE, help="Each picture shows this form, a TOML file; its fields go into a table.")
@click.option(
    "-o", "--output", type=FILE, default=Path("answers.csv"), show_default=True, help="That table, with --form."
)
@click.option("--review", type=FILE, help="With --form, also write a page (HTML) of the doubtful fields to correct.")
@click.option("--force", is_flag=True, help="With --form, replace a table and a page that exist.")
@limits_options
def read(
    files: tuple[Path, ...],
    layout: Layout,
    as_json: bool,
    annotate: Path | None,
    min_confidence: float | None,
    run: Path | None,
    url: str | None,
    api_key: str | None,
    form: Path | None,
    output: Path,
    review: Path | None,
    force: bool,
    limits: Limits,
) -> None:
    """Read the digits in pictures: photos, scans and drawings of any size and colour; PDF and TIFF page by page.

    It prints a line for each line of digits; of several pictures, after each one's name. If a picture cannot be
    read, the others are, and the exit code is 2.
    """
    _check_options(form, url, run, layout)
    if form:
        complete = _read_form(form, files, output, review, run, force, limits)
    else:
        read_file, text_lines = _choose_reader(layout, run, url, api_key, min_confidence or 0, annotate, limits)
        complete = _print_results(files, read_file, text_lines, as_json)
    sys.exit(0 if complete else USER_ERROR)


def _check_options(form: Path | None, url: str | None, run: Path | None, layout: Layout) -> None:
    """Raise InkdigitError for options that do not go together."""
    given = given_options()
    problem = ""
    if form:
        others = [flag for parameter, flag in given.items() if parameter not in FORM_OPTIONS]
        problem = f"--form reads the fields of a form into a table: leave out {others[0]}." if others else ""
    elif given.keys() & {"output", "review", "force"}:
        problem = "-o, --review and --force are for the fields of a form: name its template with --form."
    elif url and run:
        problem = "A server at --url reads with its own model: leave out --model, or --url."
    elif layout == "single" and ("annotate" in given or "min_confidence" in given):
        problem = "--annotate and --min-confidence are for lines of digits: leave out --single."
    if problem:
        raise InkdigitError(problem, code="option-conflict")


def _choose_reader(
    layout: Layout,
    run: Path | None,
    url: str | None,
    api_key: str | None,
    min_confidence: float,
    annotate: Path | None,
    limits: Limits,
) -> tuple[Callable[[Path], Iterable[FileResult]], TextLines]:
    """What reads one file, here or on a server, and what makes text of its results."""
    from inkdigit.reading.client import Server
    from inkdigit.reading.fenced_reader import fenced_reader

    server = Server(url, api_key) if url else None
    if layout == "single":
        from inkdigit.reading import single

        set_up = partial(single.remote_reader, server) if server else partial(single.local_reader, run)
        return fenced_reader(limits, set_up), lambda result, named: single.text_lines(result, named=named)
    require_extra("read", "Reading lines of digits")
    from inkdigit.reading import file_reader

    options = file_reader.Options(layout, min_confidence, annotate)
    set_up = (
        partial(file_reader.remote_reader, server, options)
        if server
        else partial(file_reader.local_reader, run, options)
    )
    return fenced_reader(limits, set_up), lambda result, named: file_reader.text_lines(result, named=named)


def _print_results(
    files: tuple[Path, ...], read_file: Callable[[Path], Iterable[FileResult]], text_lines: TextLines, as_json: bool
) -> bool:
    """Read and print one file after the other; whether all could be read."""
    from inkdigit.reading.file_results import read_files

    complete = True
    for result in read_files(files, read_file):
        if result.error:
            complete = False
        if as_json:
            click.echo(result.to_json())
            continue
        if result.result:
            lines = text_lines(result, len(files) > 1)
            print_lines(*(lines or [f"{result.name} shows no digits."]), err=not lines)
        if result.error:
            print_error(result.error)
    return complete


def _read_form(
    form: Path,
    files: tuple[Path, ...],
    output: Path,
    review: Path | None,
    run: Path | None,
    force: bool,
    limits: Limits,
) -> bool:
    """Read pictures of a form into a table; whether all could be read."""
    require_extra("read", "Reading forms")
    from inkdigit.forms.job import FormJob

    return FormJob(form, files, output, review, run, force, limits).work(print_lines, print_error)
