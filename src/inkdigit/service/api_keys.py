"""API keys: made here, kept as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic
from inkdigit.utils.lock import exclusive

LOCK_SECONDS = 10.0  # to wait for another process that adds a key
LINE = re.compile(r"([\w.@-]{1,64}):([0-9a-f]{64})")


class Keys:
    """The keys of a file. A key is 256 random bits, so that a plain SHA-256 keeps it safe."""

    def __init__(self, owners: dict[str, str]) -> None:
        self._owners = owners  # owner's name by the key's hash

    @classmethod
    def read(cls, path: Path) -> Keys:
        """The keys in a file of lines `name:hash`; # begins a comment.

        Raises:
            InkdigitError: the file cannot be read, has a line of another form, or holds no key.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise InkdigitError(f"The file of API keys {path} does not exist.", code="file-not-found") from None
        except OSError as error:
            raise InkdigitError(f"{path} cannot be read: {error.strerror}.", code="file-unreadable") from None
        except UnicodeDecodeError:
            raise InkdigitError(f"{path} is not a text file of API keys.", code="file-damaged") from None
        owners: dict[str, str] = {}
        for number, line in enumerate(lines, start=1):
            text = line.split("#")[0].strip()
            match = LINE.fullmatch(text)
            if text and not match:
                raise InkdigitError(
                    f"{path}, line {number} is not name:hash: write keys with `inkdigit api-key NAME --file {path}`.",
                    code="api-keys-line-invalid",
                )
            if match:
                owners[match[2]] = match[1]
        if not owners:
            raise InkdigitError(
                f"{path} holds no API key: write one with `inkdigit api-key NAME --file {path}`.",
                code="api-keys-empty",
            )
        return cls(owners)

    def owner(self, key: str) -> str | None:
        """The name of a key's owner, or None for an unknown key.

        Every hash is compared, so that the time taken reveals nothing.
        """
        given = _hash(key)
        found = None
        for expected, name in self._owners.items():
            if hmac.compare_digest(given, expected):
                found = name
        return found


def add_key(path: Path, name: str) -> str:
    """Make a key for `name`, append its hash to the file `path`, and return the key, which is stored nowhere.

    Raises:
        InkdigitError: the name is taken or has other characters than allowed, or the file cannot be read or written.
    """
    if not re.fullmatch(r"[\w.@-]{1,64}", name):
        raise InkdigitError(
            f'"{name}" cannot name a key: use up to 64 letters, digits and . _ @ -', code="api-key-name-invalid"
        )
    with exclusive(path, LOCK_SECONDS):
        before = _content(path)
        if re.search(rf"^\s*{re.escape(name)}:", before, re.MULTILINE):
            raise InkdigitError(
                f"{path} already has a key named {name}: choose another name, or remove its line first.",
                code="api-key-name-taken",
            )
        key = secrets.token_urlsafe(32)
        _write(path, f"{before}{name}:{_hash(key)}\n")
    return key


def _content(path: Path) -> str:
    """The text of a file of keys, which is checked; empty where there is no file."""
    if not path.exists():
        return ""
    Keys.read(path)
    return path.read_text(encoding="utf-8").rstrip("\n") + "\n"


def _write(path: Path, text: str) -> None:
    """Write the file of keys: a new one for its owner alone, another with the mode and the group that it had."""
    with atomic(path) as temporary:
        temporary.touch(mode=0o600)
        if path.exists():
            before = path.stat()
            with suppress(PermissionError):  # the owner may have left the group
                shutil.chown(temporary, group=before.st_gid)
            temporary.chmod(stat.S_IMODE(before.st_mode))
        temporary.write_text(text, encoding="utf-8")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
