"""Where predictions go: a folder of Parquet files, one for each part. A file under its final name is finished."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from typing import Any

import pyarrow as pa
from filelock import FileLock, Timeout
from pyarrow import parquet

from inkdigit.bulk.location import Location, locate, read_errors
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic

# Programs that read a folder of Parquet files leave out names that begin with `_` or a dot.
JOB, MODEL, ATTEMPTS, LOCK = "_job.json", "_model.onnx", "_tries", ".lock"
FORMAT = 3  # part of a job's identity: earlier formats described parts in another way


@dataclass(frozen=True)
class Attempts:
    """How often a part was begun in this job.

    Attributes:
        count: how often.
        picture: index of the picture that the latest attempt was working on, if any.
        fatal_pictures: indices of pictures over which earlier attempts died.
    """

    count: int = 0
    picture: int | None = None
    fatal_pictures: tuple[int, ...] = ()

    def begin_another(self) -> Attempts:
        """The next attempt: this one died, over the picture that it was working on."""
        fatal = self.fatal_pictures if self.picture is None else (*self.fatal_pictures, self.picture)
        return Attempts(self.count + 1, None, fatal)


@dataclass(frozen=True)
class Destination:
    """A folder on any file system. It is pickled for other processes."""

    folder: Location

    @classmethod
    def at(cls, url: str) -> Destination:
        """The folder at a path or URL, which need not exist. Raises InkdigitError as `locate` does."""
        return cls(locate(url))

    @contextmanager
    def claimed(self, job: dict[str, Any], model: bytes) -> Generator[None]:
        """Inside the block, the folder belongs to this job.

        A folder of this machine is locked. In a bucket, no machine can see whether another one is at work.

        Args:
            job: what `_job.json` says; its "identity" must be that of the predictions that are there.
            model: the ONNX file that predicts. It is kept in the folder, where every process finds it.

        Raises:
            InkdigitError: `out-in-use`, `out-occupied`, `out-of-another-job`, `file-damaged` or `file-unwritable`.
        """
        with self._locked():
            self._check(job)
            if not self._exists(JOB):
                self._write(MODEL, model)
                self._write(JOB, json.dumps(job, indent=2).encode())
            self.forget_attempts()
            yield
            self.forget_attempts()

    @contextmanager
    def _locked(self) -> Generator[None]:
        if not self.folder.is_local:
            yield
            return
        folder = Path(self.folder.path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / LOCK)
            lock.acquire(timeout=0)
        except Timeout:
            raise InkdigitError(
                f"Another job is writing to {folder}: wait for its end, or choose another folder.", code="out-in-use"
            ) from None
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InkdigitError(
                f"{folder} {problem}: name another folder for the predictions.", code="file-unwritable"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _check(self, job: dict[str, Any]) -> None:
        path = self.folder.path
        if not self._exists(JOB):
            # A job that was cut short at its beginning may have left hidden files and the model.
            if any(name not in {LOCK, MODEL} for name in self._names() if not name.startswith(".")):
                raise InkdigitError(
                    f"{path} holds other files already: name a new folder for the predictions.", code="out-occupied"
                )
            return
        try:
            earlier = json.loads(self._read(JOB))["identity"]
            different = [key for key, value in job["identity"].items() if earlier.get(key) != value]
        except (AttributeError, KeyError, TypeError, ValueError):
            problem = f"{self.folder.join(JOB)} is damaged"
            raise InkdigitError(f"{problem}: choose another folder, or remove {path}.", code="file-damaged") from None
        if different:
            raise InkdigitError(
                f"{path} holds the predictions of a job with other {' and '.join(different)}: "
                "choose another folder, or remove this one.",
                code="out-of-another-job",
            )

    def model(self) -> bytes:
        """The ONNX file that predicts. Raises InkdigitError where this machine does not see the folder."""
        if not self._exists(MODEL):
            raise not_seen(self.folder.path)
        return self._read(MODEL)

    def finished(self) -> set[int]:
        """The numbers of the parts that are there."""
        return {int(found[1]) for name in self._names() if (found := re.fullmatch(r"part-(\d+)\.parquet", name))}

    def count(self, number: int) -> tuple[int, int] | None:
        """The rows of a part, and how many of them hold an error; None where the part is not there."""
        if not self._exists(_file_name(number)):
            return None
        content = pa.BufferReader(self._read(_file_name(number)))
        errors = parquet.read_table(content, columns=["error"])["error"]
        return len(errors), len(errors) - errors.null_count

    def write(self, number: int, table: Any) -> None:
        """Write a part's pyarrow table, completely or not at all. Raises InkdigitError, `file-unwritable`."""
        buffer = pa.BufferOutputStream()
        parquet.write_table(table, buffer, compression="zstd")
        self._write(_file_name(number), buffer.getvalue())

    # ---- attempts

    def attempts(self, number: int) -> Attempts:
        """The attempts at a part that was begun before in this job."""
        name = f"{ATTEMPTS}/{number}"
        if not self._exists(name):
            return Attempts()
        content = json.loads(self._read(name))
        return Attempts(content["count"], content["picture"], tuple(content["fatal_pictures"]))

    def note(self, number: int, attempts: Attempts) -> None:
        """Keep the attempts at a part where another process finds them, should this one die."""
        self._write(f"{ATTEMPTS}/{number}", json.dumps(vars(attempts)).encode())

    def forget_attempts(self) -> None:
        """Count attempts from 0 again, also where nothing may be deleted."""
        if not self._exists(ATTEMPTS):
            return
        with suppress(Exception):  # a missing permission has many names, and some file systems do not report it
            self.folder.system.rm(self.folder.join(ATTEMPTS), recursive=True)
        if self._exists(ATTEMPTS):
            for number in {int(name) for name in self._names(ATTEMPTS) if name.isdigit()} - self.finished():
                self.note(number, Attempts())

    # ---- files

    def _read_errors(self) -> AbstractContextManager[None]:
        return read_errors(self.folder.path, is_local=self.folder.is_local)

    def _exists(self, name: str) -> bool:
        with self._read_errors():
            self.folder.system.invalidate_cache()
            return bool(self.folder.system.exists(self.folder.join(name)))

    def _names(self, subfolder: str = "") -> list[str]:
        system = self.folder.system
        with self._read_errors():
            system.invalidate_cache()
            try:
                found: list[str] = system.ls(self.folder.join(subfolder), detail=False)
            except FileNotFoundError:
                return []
        # S3's console makes folders as objects whose names end in a slash.
        return [name.rpartition("/")[2] for name in found if not name.endswith("/")]

    def _read(self, name: str) -> bytes:
        with self._read_errors():
            return self.folder.system.cat_file(self.folder.join(name))

    def _write(self, name: str, content: Any) -> None:
        path = self.folder.join(name)
        if self.folder.is_local:
            with atomic(Path(path)) as temporary:
                temporary.write_bytes(content)
            return
        try:
            self.folder.system.pipe_file(path, bytes(content))  # an object is there as a whole or not at all
        except Exception as error:
            problem = f"could not be written ({' '.join(str(error).split())})"
            raise InkdigitError(
                f"{path} {problem}: mend that, and give the same command again to go on.", code="file-unwritable"
            ) from error


def not_seen(path: str) -> InkdigitError:
    """The error of a machine of a cluster that does not see a folder or file that the others see."""
    return InkdigitError(
        f"{path} is not seen from {gethostname()}: name a folder that all nodes share, or a bucket.",
        code="not-on-this-node",
    )


def _file_name(number: int) -> str:
    return f"part-{number:08d}.parquet"
