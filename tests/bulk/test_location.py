"""What goes wrong while a file is read, here and on another machine."""

from __future__ import annotations

import pyarrow as pa
import pytest

from inkdigit.bulk.location import locate, read_errors
from tests.errors import refused


@pytest.mark.parametrize("error", [TimeoutError("late"), ConnectionResetError(104, "late"), OSError(5, "late")])
def test_a_connection_that_fails_ends_the_job_and_a_disk_that_fails_is_the_files_error(error: OSError):
    with refused("source-unreachable", "a.csv", "late"), read_errors("a.csv", is_local=False):
        raise error
    with refused("file-unreadable", "a.csv", "late"), read_errors("a.csv", is_local=True):
        raise error


def test_damage_of_a_file_is_not_a_failing_connection():
    for error in (
        EOFError("cut"),
        pa.ArrowInvalid("cut"),
        OSError("cut"),
    ):  # pyarrow raises an OSError without a number
        with refused("file-damaged", "a.csv", "cut"), read_errors("a.csv", is_local=False):
            raise error


@pytest.mark.parametrize(
    ("url", "code", "place"),
    [
        ("nowhere://a", "url-invalid", "nowhere://a"),
        ("dir:///a", "url-invalid", "dir:///a"),
        ("ftp://127.0.0.1:1/a", "url-invalid", "refused"),
        ("gs://bucket/a", "extra-missing", "gcsfs"),
    ],
)
def test_a_file_system_that_cannot_be_used_is_refused(url: str, code: str, place: str):
    with refused(code, place):
        locate(url)
