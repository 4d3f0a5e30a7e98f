"""The command line: each module parses the arguments of some commands, calls what does the work, and prints."""

from __future__ import annotations

import click

from inkdigit.cli import audit, bulk, data, export, read, runs, serve, submit, synth, train, tune
from inkdigit.cli.group import ErrorReportingGroup


@click.group(
    cls=ErrorReportingGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="inkdigit")
def main() -> None:
    """Handwritten digits, from training to API.

    Begin with `inkdigit train`: it fetches MNIST, trains a small CNN in minutes and shows how good it is.
    """


for command in (
    audit.audit,
    bulk.bulk,
    data.data,
    export.export,
    read.read,
    runs.compare,
    runs.evaluate,
    runs.report,
    runs.runs,
    serve.api_key,
    serve.serve,
    submit.submit,
    synth.synth,
    train.train,
    tune.tune,
):
    main.add_command(command)
