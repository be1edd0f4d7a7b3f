"""When a request is whole, in whatever pieces it comes."""

from __future__ import annotations

import pytest
from gunicorn.http.errors import LimitRequestHeaders
from hypothesis import given
from hypothesis import strategies as st

from broker.guard import UPLOADS_BODY
from broker.ops.incoming import MOST_HEAD, Request

HEAD = b"POST /api/v1/uploads HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    HEAD + b"Content-Length: 0\r\n\r\n",
    HEAD + b"content-length:5\r\nX-One: content-length: 99\r\n\r\nabcde",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;some=thing\r\n0\r\n\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n",
]


@pytest.mark.parametrize("request_", WHOLE)
@given(data=st.data())
def test_a_request_is_whole_with_its_last_byte_and_not_before(request_: bytes, data: st.DataObject) -> None:
    arriving, at = Request(), 0
    while at < len(request_):
        size = data.draw(st.integers(1, len(request_) - at))
        assert arriving.add(request_[at : at + size]) == (at + size == len(request_))
        at += size
    assert arriving.data == request_


@pytest.mark.parametrize(
    "hopeless",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % (UPLOADS_BODY + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nno number\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 2000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n" + bytes(2 * UPLOADS_BODY),
    ],
)
def test_what_will_be_refused_anyway_is_not_waited_for(hopeless: bytes) -> None:
    assert Request().add(hopeless)


def test_a_length_of_many_digits_is_left_to_the_parser() -> None:
    assert Request().add(HEAD + b"Content-Length: " + b"9" * 6000 + b"\r\n\r\n")


def test_a_head_has_an_end_or_is_refused() -> None:
    arriving = Request()
    assert not arriving.add(HEAD)
    with pytest.raises(LimitRequestHeaders):
        arriving.add(b"X: 1\r\n" * (MOST_HEAD // 6))
