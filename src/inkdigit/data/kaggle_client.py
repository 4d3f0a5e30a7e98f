"""Kaggle's Digit Recognizer competition through Kaggle's own client: fetch its files, upload a submission."""

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

COMPETITION = "digit-recognizer"
COMPETITION_PAGE = f"https://www.kaggle.com/competitions/{COMPETITION}"
SUBMISSION_ROWS = 28_000  # of the competition's test.csv
COMPETITION_FILES = ("train.csv", "test.csv", "sample_submission.csv")


def fetch_kaggle_files(to: Path) -> None:
    """Write the competition's train.csv, test.csv and sample_submission.csv to the folder `to`.

    Raises:
        InkdigitError: one of the files exists (nothing is overwritten), the `kaggle` extra is missing, or Kaggle
            refuses or cannot be reached.
    """
    for path in (to / name for name in COMPETITION_FILES):
        if path.exists():
            raise InkdigitError(
                f"{path} exists: remove it to fetch it again, or choose another --to.", code="file-exists"
            )
    with tempfile.TemporaryDirectory() as folder:
        with _client() as client:
            client.competition_download_files(COMPETITION, folder, quiet=not sys.stderr.isatty())
        _unpack(Path(folder) / f"{COMPETITION}.zip", to)


def upload_submission(submission: Path, message: str) -> str:
    """Upload a submission; return Kaggle's reply.

    Args:
        submission: the CSV file.
        message: what Kaggle shows beside it.

    Raises:
        InkdigitError: the `kaggle` extra is missing, or Kaggle refuses or cannot be reached.
    """
    with _client() as client:
        reply = client.competition_submit(str(submission), message, COMPETITION, quiet=not sys.stderr.isatty())
    if reply.message == client.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        way = f"try again, or upload it at {COMPETITION_PAGE}/submit"
        raise InkdigitError(f"{submission} could not be uploaded to Kaggle: {way}", code="kaggle-upload-failed")
    return reply.message


def _unpack(archive: Path, to: Path) -> None:
    try:
        # All are renamed into place only when all are complete.
        with zipfile.ZipFile(archive) as packed, ExitStack() as stack:
            for name in COMPETITION_FILES:
                target = stack.enter_context(atomic(to / name))
                with packed.open(name) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (FileNotFoundError, KeyError, zipfile.BadZipFile) as error:
        way = f"try again, or fetch it at {COMPETITION_PAGE}/data"
        raise InkdigitError(
            f"What Kaggle sent is not an archive of {', '.join(COMPETITION_FILES)}: {way}",
            code="kaggle-archive-damaged",
        ) from error


@contextmanager
def _client() -> Generator[Any]:
    """Kaggle's client, logged in. What goes wrong in the block becomes an InkdigitError."""
    require_extra("kaggle", "A connection to Kaggle")
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
        raise _refusal(error.response, str(error)) from error
    except requests.RequestException as error:
        way = f"check the connection, or use your browser: {COMPETITION_PAGE}"
        raise InkdigitError(
            f"Kaggle cannot be reached ({type(error).__name__}): {way}", code="kaggle-unreachable"
        ) from error


def _refusal(response: Any, reason: str) -> InkdigitError:
    """The error for a response that is not 2xx. reason: what requests says of it."""
    reason = " ".join(reason.split()).rstrip(".")
    if response.status_code == 401:
        return _no_token()
    if response.status_code == 403:
        rules = f"join and accept the rules at {COMPETITION_PAGE}/rules"
        return InkdigitError(f"Kaggle refuses ({reason}): {rules}", code="kaggle-rules-not-accepted")
    return InkdigitError(
        f"Kaggle replies {response.status_code} ({reason}): see {COMPETITION_PAGE}", code="kaggle-refused"
    )


def _no_token() -> InkdigitError:
    return InkdigitError(
        "Kaggle needs a valid API token, and there is none: make one at https://www.kaggle.com/settings, "
        "and set KAGGLE_API_TOKEN to it or save it as ~/.kaggle/access_token.",
        code="kaggle-token-missing",
    )
