"""Where answers go: a folder of Parquet files, one a part. What is there under its name is finished."""

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

from inkdigit.bulk.place import Place, place, told
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic

# Names that begin so are left aside by whatever reads a folder of Parquet files.
JOB, MODEL, TRIES, LOCK = "_job.json", "_model.onnx", "_tries", ".lock"
FORMAT = 2  # part of a job's identity: earlier ones had other names for parts


@dataclass(frozen=True)
class Tries:
    """How often a part was begun in this job. at: the picture it was at; lethal: those that a process ended over."""

    begun: int = 0
    at: int | None = None
    lethal: tuple[int, ...] = ()


@dataclass(frozen=True)
class Destination:
    """A folder on any file system; it travels to other processes."""

    folder: Place

    @classmethod
    def at(cls, url: str) -> Destination:
        """The folder at a path or URL, there or not."""
        return cls(place(url))

    @contextmanager
    def claimed(self, job: dict[str, Any], model: bytes) -> Generator[None]:
        """Inside, the folder is this job's alone. Raises InkdigitError where it holds another's answers, or files.

        job: "identity" in it must be that of the answers that are there. model: the ONNX file that answers, which is
        kept beside them: whoever sees the folder has it. What one machine cannot see of another is who is at work in a
        bucket: only folders here are locked.
        """
        with self._locked():
            self._check(job)
            if not self._exists(JOB):
                self._write(MODEL, model)
                self._write(JOB, json.dumps(job, indent=2).encode())
            self.forget_tries()
            yield
            self.forget_tries()

    @contextmanager
    def _locked(self) -> Generator[None]:
        if not self.folder.local:
            yield
            return
        folder = Path(self.folder.path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / LOCK)
            lock.acquire(timeout=0)
        except Timeout:
            raise InkdigitError(f"{folder} is in another job's hands: let it end, or choose another folder.") from None
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InkdigitError(f"{folder} {problem}: name a folder for the answers.") from None
        try:
            yield
        finally:
            lock.release()

    def _check(self, job: dict[str, Any]) -> None:
        path = self.folder.path
        if not self._exists(JOB):
            if any(name not in {LOCK, MODEL} for name in self._names() if not name.startswith(".")):  # cut short
                raise InkdigitError(f"{path} holds other files already: name a new folder for the answers.")
            return
        try:
            earlier = json.loads(self._read(JOB))["identity"]
            different = [key for key, value in job["identity"].items() if earlier.get(key) != value]
        except (AttributeError, KeyError, TypeError, ValueError):
            problem = f"{self.folder.below(JOB)} is damaged"
            raise InkdigitError(f"{problem}: choose another folder, or remove {path}.") from None
        if different:
            raise InkdigitError(
                f"{path} holds the answers of a job with other {' and '.join(different)}: "
                "choose another folder, or remove this one."
            )

    def model(self) -> bytes:
        """What answers. Raises InkdigitError where this machine does not see the folder."""
        if not self._exists(MODEL):
            raise unseen(self.folder.path)
        return self._read(MODEL)

    def finished(self) -> set[int]:
        """The numbers of the parts that are there."""
        return {int(found[1]) for name in self._names() if (found := re.fullmatch(r"part-(\d+)\.parquet", name))}

    def counted(self, number: int) -> tuple[int, int] | None:
        """The rows of a part that is there, and how many of them have an error."""
        if not self._exists(_name(number)):
            return None
        content = pa.BufferReader(self._read(_name(number)))
        errors = parquet.read_table(content, columns=["error"])["error"]
        return len(errors), len(errors) - errors.null_count

    def write(self, number: int, table: Any) -> None:
        """Put a part's answers there, all at once. Raises InkdigitError where that cannot be."""
        buffer = pa.BufferOutputStream()
        parquet.write_table(table, buffer, compression="zstd")
        self._write(_name(number), buffer.getvalue())

    # ---- tries

    def tries(self, number: int) -> Tries:
        """What is known of a part that was begun before."""
        name = f"{TRIES}/{number}"
        if not self._exists(name):
            return Tries()
        content = json.loads(self._read(name))
        return Tries(content["begun"], content["at"], tuple(content["lethal"]))

    def note(self, number: int, tries: Tries) -> None:
        """Keep in mind that a part is begun."""
        self._write(f"{TRIES}/{number}", json.dumps(vars(tries)).encode())

    def forget_tries(self) -> None:
        """Begin to count anew, also where nothing may be deleted."""
        if not self._exists(TRIES):
            return
        with suppress(Exception):  # a missing right has many names, and some file systems keep silent
            self.folder.system.rm(self.folder.below(TRIES), recursive=True)
        if self._exists(TRIES):  # where something else is the matter, writing tells
            for number in {int(name) for name in self._names(TRIES) if name.isdigit()} - self.finished():
                self.note(number, Tries())

    # ---- files

    def _told(self) -> AbstractContextManager[None]:
        return told(self.folder.path, local=self.folder.local)

    def _exists(self, name: str) -> bool:
        with self._told():
            self.folder.system.invalidate_cache()
            return bool(self.folder.system.exists(self.folder.below(name)))

    def _names(self, below: str = "") -> list[str]:
        system = self.folder.system
        with self._told():
            system.invalidate_cache()
            try:
                found: list[str] = system.ls(self.folder.below(below), detail=False)
            except FileNotFoundError:
                return []
        return [name.rpartition("/")[2] for name in found if not name.endswith("/")]  # S3's console makes such

    def _read(self, name: str) -> bytes:
        with self._told():
            return self.folder.system.cat_file(self.folder.below(name))

    def _write(self, name: str, content: Any) -> None:
        path = self.folder.below(name)
        if self.folder.local:
            with atomic(Path(path)) as temporary:
                temporary.write_bytes(content)
            return
        try:
            self.folder.system.pipe_file(path, bytes(content))  # an object is there as a whole or not at all
        except Exception as error:
            problem = f"could not be written ({' '.join(str(error).split())})"
            raise InkdigitError(f"{path} {problem}: see to it; the same command goes on.") from error


def unseen(path: str) -> InkdigitError:
    """What to say where a machine of a cluster does not see a folder or a file that the others do."""
    return InkdigitError(f"{path} is not seen from {gethostname()}: name a folder that all nodes share, or a bucket.")


def _name(number: int) -> str:
    return f"part-{number:08d}.parquet"
