"""Kaggle's Digit Recognizer competition through Kaggle's own client: its files fetched, a submission uploaded."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra
from inkdigit.utils.files import atomic

NAME = "digit-recognizer"
PAGE = f"https://www.kaggle.com/competitions/{NAME}"
FILES = ("train.csv", "test.csv", "sample_submission.csv")


def fetch_kaggle_files(to: Path) -> None:
    """Put the competition's train.csv, test.csv and sample_submission.csv into the folder `to`.

    Nothing is overwritten. Raises InkdigitError where one of them is there already, and where Kaggle refuses.
    """
    for path in (to / name for name in FILES):
        if path.exists():
            raise InkdigitError(f"{path} is there already: remove it to fetch it again, or choose another --to.")
    with tempfile.TemporaryDirectory() as folder:
        with _client() as client:
            client.competition_download_files(NAME, folder, quiet=not sys.stderr.isatty())
        _unpack(Path(folder) / f"{NAME}.zip", to)


def upload_submission(submission: Path, message: str) -> str:
    """Upload a submission; returns Kaggle's answer. `message` is what Kaggle shows beside it. Raises InkdigitError."""
    with _client() as client:
        answer = client.competition_submit(str(submission), message, NAME, quiet=not sys.stderr.isatty())
    if answer.message == client.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise InkdigitError(f"{submission} did not get through to Kaggle: try again, or upload it at {PAGE}/submit")
    return answer.message


def _unpack(archive: Path, to: Path) -> None:
    try:
        # All are renamed into place only when all are complete.
        with zipfile.ZipFile(archive) as packed, ExitStack() as stack:
            for name in FILES:
                target = stack.enter_context(atomic(to / name))
                with packed.open(name) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (FileNotFoundError, KeyError, zipfile.BadZipFile) as error:
        raise InkdigitError(
            f"What Kaggle sent is no archive of {', '.join(FILES)}: try again, or fetch it at {PAGE}/data"
        ) from error


@contextmanager
def _client() -> Generator[Any]:
    """Kaggle's client, logged in. What goes wrong inside is told in one sentence with the page that helps."""
    require_extra("kaggle", "The way to Kaggle")
    import requests

    try:
        # The client prints its advice on standard output, and ends the process where it cannot log in.
        with redirect_stdout(io.StringIO()):
            from kaggle import KaggleApi

            client = KaggleApi()
            client.authenticate()
            yield client
    except SystemExit:
        raise _no_token() from None
    except requests.HTTPError as error:
        raise _refused(error.response, str(error)) from error
    except requests.RequestException as error:
        raise InkdigitError(
            f"Kaggle cannot be reached ({type(error).__name__}): check the connection, or use your browser: {PAGE}"
        ) from error


def _refused(response: Any, reason: str) -> InkdigitError:
    if response.status_code == 401:
        return _no_token()
    if response.status_code == 403:
        return InkdigitError(f"Kaggle refuses ({_ended(reason)}): join and accept the rules at {PAGE}/rules")
    return InkdigitError(f"Kaggle answers {response.status_code} ({_ended(reason)}): see {PAGE}")


def _ended(reason: str) -> str:
    return " ".join(reason.split()).rstrip(".")


def _no_token() -> InkdigitError:
    return InkdigitError(
        "Kaggle needs a valid API token, and none is here: make one at https://www.kaggle.com/settings, "
        "and set KAGGLE_API_TOKEN to it or save it as ~/.kaggle/access_token."
    )
