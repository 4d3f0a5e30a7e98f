"""The limits themselves: how much may be under way, and how large and how slow a body may be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from inkdigit.service.connection import SCOPE_KEY
from inkdigit.service.limits import BODIES_IN_MEMORY, MIB, BodyReader, ConcurrencyLimit
from inkdigit.service.problems import ClientGoneError, Problem
from tests.service.inprocess import Connection


class WholeConnection(Connection):
    """A connection on which the body arrived with the headers."""

    is_whole = True


def part(size: int, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


def request(
    parts: Sequence[Message], headers: dict[str, str] | None = None, connection: Connection | None = None
) -> Request:
    """A POST whose body comes in these parts, and then not at all."""
    messages = list(parts)

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    sent = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope: dict[str, Any] = {"type": "http", "headers": sent, SCOPE_KEY: connection or Connection()}
    return Request(scope, receive)


def problem(reader: BodyReader, asked: Request) -> Problem:
    with pytest.raises(Problem) as caught:
        asyncio.run(reader.read(asked))
    return caught.value


def test_a_body_of_the_largest_size_is_read() -> None:
    reader = BodyReader(1, 10)
    parts = [part(MIB // 2), part(MIB // 2, more=False)]
    assert len(asyncio.run(reader.read(request(parts)))) == MIB
    whole = request([part(MIB, more=False)], connection=WholeConnection())
    assert len(asyncio.run(reader.read(whole))) == MIB


@pytest.mark.parametrize("headers", [{"Content-Length": str(MIB + 1)}, {"Content-Length": "x"}, {}])
def test_a_body_too_large_is_refused_by_its_length_or_while_it_comes(headers: dict[str, str]) -> None:
    found = problem(BodyReader(1, 10), request([part(MIB), part(1), part(1, more=False)], headers))
    assert (found.status, found.setting) == (413, "max_body")


def test_a_body_packed_in_another_way_is_refused() -> None:
    assert problem(BodyReader(1, 10), request([], {"Content-Encoding": "br"})).status == 415


def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    found = problem(BodyReader(1, 0.01), request([part(1)]))
    assert (found.status, found.setting) == (408, "read_timeout")


@pytest.mark.parametrize("connection", [Connection(), WholeConnection()])
def test_a_client_that_goes_is_noticed(connection: Connection) -> None:
    with pytest.raises(ClientGoneError):
        asyncio.run(BodyReader(1, 10).read(request([{"type": "http.disconnect"}], connection=connection)))


def test_bodies_at_once_have_a_limit_together_and_make_room_again() -> None:
    reader = BodyReader(1, 10)
    with reader.holding(BODIES_IN_MEMORY * MIB):
        found = problem(reader, request([part(1, more=False)]))
        assert (found.status, found.reason) == (503, "bodies_full")
        with pytest.raises(Problem), reader.holding(1):
            pass
    assert len(asyncio.run(reader.read(request([part(1, more=False)])))) == 1


def test_a_concurrency_limit_counts_and_refuses() -> None:
    limit = ConcurrencyLimit(3, "max_queue")
    with limit.holding(2):
        assert limit.depth == 2
        limit.admit(1)
        with pytest.raises(Problem) as caught, limit.holding(2):
            pass
        assert (caught.value.status, caught.value.setting) == (503, "max_queue")
        assert caught.value.headers == {"Retry-After": "1"}
        assert limit.depth == 2
        with limit.holding(1):
            assert limit.is_full
    assert limit.depth == 0


def test_a_request_that_comes_alone_is_never_too_large() -> None:
    limit = ConcurrencyLimit(3, "max_queue")
    with limit.holding(9):
        assert limit.is_full
