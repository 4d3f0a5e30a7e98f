"""The private parts of uvicorn that the server depends on are checked as it starts."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inkdigit.service.uvicorn_internals import NEEDED, check_attributes
from tests.errors import refused


def test_the_installed_uvicorn_has_what_the_server_needs() -> None:
    check_attributes()


class ChangedProtocol:
    """A protocol as another uvicorn might have it."""

    def __init__(self) -> None:
        self.scope = None


def test_a_uvicorn_without_an_attribute_is_refused_by_name() -> None:
    with refused("uvicorn-unsupported", "ChangedProtocol", "pipeline"):
        check_attributes({ChangedProtocol: ("scope", "pipeline")})


def test_attributes_of_an_instance_are_found() -> None:
    check_attributes({HttpToolsProtocol: ("pipeline",), ChangedProtocol: ("scope",)})
    assert "pipeline" in NEEDED[HttpToolsProtocol]
