"""Every setting of the server: an option, an INKDIGIT_ variable and a TOML key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.utils.limits import MIN_READ_MEMORY, READ_MEMORY
from inkdigit.utils.options import parse_values, read_toml, setting

SHOW_SETTINGS = "`inkdigit serve --print-config`"
ORIGIN = re.compile(r"\*|https?://[^/?#@\s]+")


@dataclass(frozen=True)
class ServiceSettings:
    """How the server serves. Limits are per process; an error that a limit causes names the limit's setting."""

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0 listens on every network")
    port: int = setting(8000, "port to listen on; 0 takes a free one", "", 0, 65535)
    model: str = setting("", "the run folder to serve; empty: the model that ships with Inkdigit")
    models: str = setting("", "a folder of run folders 1, 2, … to serve: the highest answers, new ones are loaded")
    workers: int = setting(1, "processes that share the port", "", 1, 256)
    threads: int = setting(1, "threads of a process's model; 0 is one for each core", "", 0, 256)
    max_batch: int = setting(16, "most images that go through the model together", "images", 1, 4096)
    max_queue: int = setting(
        256, "images accepted and not yet answered, above which requests get 503", "images", 1, 10**6
    )
    max_images: int = setting(128, "images in one request", "images", 1, 4096)
    max_reads: int = setting(8, "requests to /v1/read under way, above which others get 503", "requests", 1, 10**4)
    read_memory: int = setting(
        READ_MEMORY,
        "memory that a picture or page may take, above which the request gets 413",
        "MiB",
        MIN_READ_MEMORY,
        10**6,
    )
    max_body: int = setting(8, "size of a request's body", "MiB", 1, 1024)
    max_pixels: int = setting(50, "size of a picture", "million pixels", 1, 1000)
    deadline: float = setting(5.0, "time to answer a request, after which it gets 504", "seconds", 0.001, 3600)
    read_deadline: float = setting(
        30.0, "time to answer a request to /v1/read, after which it gets 504", "seconds", 0.001, 3600
    )
    read_timeout: float = setting(
        10.0, "time a client may take to send a request or read its answer", "seconds", 0.1, 3600
    )
    keep_alive: float = setting(30.0, "time an idle connection is kept", "seconds", 0, 3600)
    grace: float = setting(1.0, "time between /readyz turning red and the last new request", "seconds", 0, 3600)
    api_key_file: str = setting("", "file of API keys, as `inkdigit api-key` writes it; empty: no key is needed")
    cors_origins: str = setting("", "origins whose pages may call the API, separated by commas; empty: no other page")

    @property
    def origins(self) -> list[str]:
        """The CORS origins one by one."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]


def gather(file: Path | None, environment: Mapping[str, str], given: Mapping[str, Any]) -> ServiceSettings:
    """The settings from a TOML file, INKDIGIT_ variables and options: options win over variables, these over the file.

    Args:
        file: a TOML file, or None.
        environment: the process's variables.
        given: values of options by their setting; None where an option is not given.

    Raises:
        InkdigitError: a setting is unknown, a value is not allowed, or two settings contradict each other.
    """
    names = ServiceSettings.__dataclass_fields__
    variables = {name: environment[variable(name)] for name in names if environment.get(variable(name))}
    options = {name: value for name, value in given.items() if value is not None}
    sources = {
        str(file): read_toml(file, SHOW_SETTINGS) if file else {},
        "Among the variables INKDIGIT_…": variables,
        "On the command line": options,
    }
    settings = ServiceSettings()
    for where, values in sources.items():
        settings = replace(settings, **parse_values(ServiceSettings, values, where, SHOW_SETTINGS))
    if settings.model and settings.models:
        raise InkdigitError(
            "model names one run folder and models a folder of them: give one of the two.", code="option-conflict"
        )
    for origin in settings.origins:
        if not ORIGIN.fullmatch(origin):
            allowed = "give addresses such as https://example.org:8443, or *"
            raise InkdigitError(f"cors_origins: {origin} is not an origin: {allowed}.", code="setting-invalid")
    return settings


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"INKDIGIT_{name.upper()}"
