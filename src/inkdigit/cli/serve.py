"""`inkdigit serve` and `inkdigit api-key`: a model as an API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from inkdigit.cli.group import print_warning
from inkdigit.cli.options import FILE, Engine, engine_option, setting_options
from inkdigit.service.settings import ServiceSettings, gather
from inkdigit.utils.extras import require_extra
from inkdigit.utils.options import settings_to_toml


@click.command()
@setting_options(ServiceSettings(), "default")
@click.option("--config", type=FILE, help="A TOML file of settings; INKDIGIT_… variables and options go on top.")
@click.option("--print-config", is_flag=True, help="Print all settings as such a file, and stop.")
@engine_option("Where it is served.")
def serve(config: Path | None, print_config: bool, engine: Engine, **values: Any) -> None:
    """Serve a model as an API, with a page to draw on. Ctrl-C ends it.

    Every setting is an option, a variable such as INKDIGIT_PORT, and a key of the file.
    """
    settings = gather(config, os.environ, values)
    if print_config:
        click.echo(settings_to_toml(settings, "How the server serves: inkdigit serve --config THIS_FILE"), nl=False)
        return
    require_extra("serve", "Serving")
    if engine == "ray":
        from inkdigit.cluster.service import serve as run
    else:
        from inkdigit.service.server import serve as run

    run(settings, click.echo, print_warning)


@click.command()
@click.argument("name")
@click.option("--file", type=FILE, required=True, help="The file for --api-key-file; it is made if there is none.")
def api_key(name: str, file: Path) -> None:
    """Make an API key for NAME: its hash goes into the file, the key is shown once."""
    from inkdigit.service import api_keys

    click.echo(api_keys.add_key(file, name))
