"""The parts of uvicorn that are not its public interface, and that `http_protocol` depends on.

`pyproject.toml` allows only the tested minor version of uvicorn. Used are, of `uvicorn.protocols.http.httptools_impl`:

- `STATUS_LINE`;
- `HttpToolsProtocol`: its callbacks (`on_url`, `on_body`, …) and the attributes listed under NEEDED;
- `RequestResponseCycle`: the attributes listed under NEEDED;

and of `uvicorn.Server`: `capture_signals`, `started` and `should_exit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from types import FunctionType

import uvicorn

from inkdigit.errors import InkdigitError

try:
    from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
except ImportError as error:
    raise InkdigitError(
        f"Serving does not work with uvicorn {version('uvicorn')} ({error}): "
        'pip install --upgrade "inkdigit[serve]" installs a version that it works with.',
        code="uvicorn-unsupported",
    ) from error

__all__ = ["STATUS_LINE", "HttpToolsProtocol", "RequestResponseCycle", "check_attributes"]

NEEDED: dict[type, tuple[str, ...]] = {
    HttpToolsProtocol: (
        *("connection_made", "connection_lost", "pause_writing", "resume_writing"),
        *("on_message_begin", "on_url", "on_header", "on_headers_complete", "on_body", "on_message_complete"),
        *("on_response_complete", "timeout_keep_alive_handler", "_unset_keepalive_if_required"),
        *("config", "connections", "cycle", "expect_100_continue", "headers", "logger", "loop", "parser", "pipeline"),
        *("flow", "scope", "tasks", "timeout_keep_alive", "timeout_keep_alive_task", "transport", "url"),
    ),
    RequestResponseCycle: ("disconnected", "message_event", "more_body", "response_complete", "response_started"),
    uvicorn.Server: ("capture_signals", "serve", "should_exit", "started"),
}


def check_attributes(needed: Mapping[type, tuple[str, ...]] = NEEDED) -> None:
    """Raise InkdigitError if a class lacks an attribute that is needed: uvicorn has changed."""
    for kind, names in needed.items():
        missing = sorted(set(names) - _attributes(kind))
        if missing:
            raise InkdigitError(
                f"Serving does not work with uvicorn {version('uvicorn')}, whose {kind.__name__} has no "
                f'{missing[0]}: pip install --upgrade "inkdigit[serve]" installs a version that it works with.',
                code="uvicorn-unsupported",
            )


def _attributes(kind: type) -> set[str]:
    """The names that a class defines, and those that its methods use, such as the attributes of an instance."""
    methods = [method for method in vars(kind).values() if isinstance(method, FunctionType)]
    return set(dir(kind)).union(*(method.__code__.co_names for method in methods))


check_attributes()
