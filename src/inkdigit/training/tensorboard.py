"""Event files for TensorBoard. Their format is small and has been the same since 2016, so no library writes them.

An event file is a row of TFRecords (length, its checksum, content, its checksum), each an `Event` of
`tensorflow/core/util/event.proto` in protobuf's wire format.
"""

from __future__ import annotations

import os
import platform
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from inkdigit.training.trainer import Epoch, Progress

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")

# Wire types of protobuf.
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5


@contextmanager
def recorded(progress: Progress, folder: Path | None) -> Generator[Progress]:
    """A progress that hears what `progress` hears, and writes each epoch to an event file in `folder`, unless None.

    Raises OSError where the folder cannot be written.
    """
    if folder is None:
        yield progress
        return
    folder.mkdir(parents=True, exist_ok=True)
    name = f"events.out.tfevents.{int(time.time())}.{platform.node()}.{os.getpid()}"
    with (folder / name).open("wb") as file:
        yield _Recorded(progress, file)


class _Recorded:
    def __init__(self, progress: Progress, file: IO[bytes]):
        self.progress, self.file = progress, file
        file.write(_record(_event(3, b"brain.Event:2")))

    def resume(self, history: list[Epoch]) -> None:
        """The interrupted process has written those epochs to a file of its own."""
        self.progress.resume(history)

    def step(self) -> None:
        self.progress.step()

    def epoch(self, epoch: Epoch) -> None:
        figures = {name: getattr(epoch, name) for name in FIGURES}
        values = b"".join(_scalar(name, value) for name, value in figures.items() if value is not None)
        self.file.write(_record(_event(5, values, epoch.epoch)))
        self.file.flush()  # whoever watches wants to see it now
        self.progress.epoch(epoch)


def _event(kind: int, content: bytes, step: int = 0) -> bytes:
    """An `Event`: wall_time = 1, step = 2, and either file_version = 3 or summary = 5."""
    now = _key(1, _DOUBLE) + struct.pack("<d", time.time())
    return now + _key(2, _VARINT) + _varint(step) + _key(kind, _BYTES) + _sized(content)


def _scalar(tag: str, number: float) -> bytes:
    """A `Summary.Value` (a summary's field 1): tag = 1, simple_value = 2."""
    value = _key(1, _BYTES) + _sized(tag.encode()) + _key(2, _FLOAT) + struct.pack("<f", number)
    return _key(1, _BYTES) + _sized(value)


def _key(field: int, wire_type: int) -> bytes:
    return bytes([field << 3 | wire_type])


def _sized(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    """TFRecord's masked CRC-32C (Castagnoli)."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _crc_table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [entry >> 1 ^ 0x82F63B78 * (entry & 1) for entry in table]
    return table


_CRC = _crc_table()
