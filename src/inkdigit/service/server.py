"""The server: one process, or several on the same port."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from inkdigit.service import process
from inkdigit.service.api_keys import Keys
from inkdigit.service.metrics import DIRECTORY_VARIABLE, unwritable
from inkdigit.service.settings import ServiceSettings
from inkdigit.service.sockets import listen, url
from inkdigit.service.workers import Workers

LOOPBACK = {"127.0.0.1", "::1", "localhost"}

Print = Callable[[str], object]  # shows a sentence to a person


def serve(settings: ServiceSettings, say: Print, warn: Print) -> None:
    """Serve until a signal.

    Args:
        settings: how to serve.
        say: shows the address once the server is ready.
        warn: shows a warning.

    Raises:
        InkdigitError: the server cannot start.
        SystemExit: with code 1, since a process ended and could not be replaced.
    """
    sockets = listen(settings)
    check_keys(settings, warn)

    def on_ready(version: int) -> None:
        say(f"Inkdigit serves version {version} at {url(settings.host, sockets[0].getsockname()[1])} (Ctrl-C ends it)")

    if settings.workers == 1:
        process.run(settings, sockets, on_ready)
        return
    with _metrics_folder() as directory:
        os.environ[DIRECTORY_VARIABLE] = directory
        code = Workers(settings, sockets, on_ready).run()
    if code:
        sys.exit(code)


def _metrics_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="inkdigit-metrics-", ignore_cleanup_errors=True)
    except OSError as error:
        raise unwritable(Path(os.environ.get("TMPDIR", "the temporary folder")), error) from None


def check_keys(settings: ServiceSettings, warn: Print) -> None:
    """Warn if everybody can reach the server and no key is needed. Raises InkdigitError for an invalid key file."""
    if settings.api_key_file:
        Keys.read(Path(settings.api_key_file))
    elif settings.host not in LOOPBACK:
        warn(
            f"Everybody who can reach {settings.host} can use this server: --api-key-file names a file of keys that "
            "guards it."
        )
