"""Sockets of the server: which addresses it listens on, and which are refused."""

from __future__ import annotations

import socket

import pytest

from inkdigit.service.settings import ServiceSettings
from inkdigit.service.sockets import listen, url
from tests.errors import refused


def test_a_free_port_is_taken() -> None:
    (listener,) = listen(ServiceSettings(host="127.0.0.1", port=0))
    with listener:
        assert listener.getsockname()[1] > 0


def test_a_taken_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with refused("port-in-use", port):
            listen(ServiceSettings(port=port))


@pytest.mark.parametrize("host", ["no.such.host.example", "a..b", "192.0.2.1"])
def test_a_host_that_is_not_an_address_of_this_machine_is_refused(host: str) -> None:
    with refused("address-invalid", host):
        listen(ServiceSettings(host=host, port=0))


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    assert url("::1", 80) == "http://[::1]:80/"
    assert url("127.0.0.1", 80) == "http://127.0.0.1:80/"
