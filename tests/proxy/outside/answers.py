"""Answers, byte by byte: such as are refused, such as are accepted, and where they may break off."""

import gzip

from proxy_service.egress.exchange import LARGEST_HEAD, MOST_FIELDS
from tests.proxy.hostile import BODY, CHUNKED, CONTINUE, FINE, INVALID, OK, OTHER_CODING, SWITCHED, TOO_MANY

COMPRESSED = "The endpoint compressed its answer although identity was asked for."
NOT_ASCII = "The endpoint's answer has a header that is not ASCII."
BOMB = gzip.compress(bytes(20 * 1024 * 1024))
"""20 MiB in 20 KB."""


def no_status(status: int) -> str:
    return f"The endpoint answered with status {status}, which does not exist."


REFUSED = {
    # Lengths
    "two equal lengths": (OK + b"Content-Length: 2\r\n" + BODY, INVALID),
    "two different lengths": (OK + b"Content-Length: 3\r\n" + BODY, INVALID),
    "a list of lengths": (OK + b"Content-Length: 2, 2\r\n\r\n{}", INVALID),
    "a negative length": (OK + b"Content-Length: -2\r\n\r\n{}", INVALID),
    "a length with a sign": (OK + b"Content-Length: +2\r\n\r\n{}", INVALID),
    "a hexadecimal length": (OK + b"Content-Length: 0x2\r\n\r\n{}", INVALID),
    "an empty length": (OK + b"Content-Length: \r\n\r\n{}", INVALID),
    "a length of two numbers": (OK + b"Content-Length: 2 2\r\n\r\n{}", INVALID),
    "a length that no computer counts": (OK + b"Content-Length: 99999999999999999999\r\n\r\n{}", INVALID),
    "a length, then chunks": (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", INVALID),
    "chunks, then a length": (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", INVALID),
    "a length among the trailers": (CHUNKED + b"0\r\nContent-Length: 4\r\n\r\n", INVALID),
    # Codings
    "gzip as transfer coding": (OK + b"Transfer-Encoding: gzip\r\n\r\n{}", OTHER_CODING),
    "gzip and chunked": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "chunked and gzip": (OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "chunked twice": (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "identity as transfer coding": (OK + b"Transfer-Encoding: identity\r\n\r\n{}", OTHER_CODING),
    "a coding nearly called chunked": (OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", OTHER_CODING),
    "chunked behind a control character": (OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", INVALID),
    "no coding at all": (OK + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n", INVALID),
    # Chunks
    "a negative chunk": (CHUNKED + b"-1\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk with a sign": (CHUNKED + b"+1\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk with 0x": (CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", INVALID),
    "a blank before a chunk's size": (CHUNKED + b" 1\r\na\r\n0\r\n\r\n", INVALID),
    "a blank behind a chunk's size": (CHUNKED + b"1 \r\na\r\n0\r\n\r\n", INVALID),
    "a chunk without size": (CHUNKED + b"\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk whose size is no number": (CHUNKED + b"g\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk that no computer counts": (CHUNKED + b"fffffffffffffffff\r\na\r\n0\r\n\r\n", INVALID),
    "a chunk longer than its size": (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", INVALID),
    "a chunk without end of line": (CHUNKED + b"1\r\na0\r\n\r\n", INVALID),
    "bare LF behind a chunk's size": (CHUNKED + b"1\na\r\n0\r\n\r\n", INVALID),
    "bare LF behind a chunk": (CHUNKED + b"1\r\na\n0\r\n\r\n", INVALID),
    "bare LF in a chunk's extension": (CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n", INVALID),
    "a trailer without name": (CHUNKED + b"0\r\n: x\r\n\r\n", INVALID),
    # Lines
    "bare LF behind the status": (b"HTTP/1.1 200 OK\n" + BODY, INVALID),
    "bare LF behind a header": (OK + b"X-A: b\n" + BODY, INVALID),
    "bare LF behind the head": (OK + b"Content-Length: 2\r\n\n{}", INVALID),
    "bare LF everywhere": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", INVALID),
    "bare CR everywhere": (b"HTTP/1.1 200 OK\rContent-Length: 2\r\r{}", INVALID),
    "bare CR in a header": (OK + b"X-A: a\rb\r\n" + BODY, INVALID),
    "a folded header": (OK + b"X-A: a\r\n b\r\n" + BODY, INVALID),
    "a folded length": (OK + b"Content-Length:\r\n 2\r\n\r\n{}", INVALID),
    "a folded coding": (OK + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", INVALID),
    "a blank before the first header": (OK + b" X-A: b\r\n" + BODY, INVALID),
    "a blank before the colon": (OK + b"Content-Length : 2\r\n\r\n{}", INVALID),
    "a tab before the colon": (OK + b"X-A\t: b\r\n" + BODY, INVALID),
    "a header without colon": (OK + b"X-A\r\n" + BODY, INVALID),
    "a header without name": (OK + b": b\r\n" + BODY, INVALID),
    "a header's name beyond ASCII": (OK + "X-Kätzchen: b\r\n".encode() + BODY, INVALID),
    "a content type beyond ASCII": (OK + "Content-Type: kätzchen\r\n".encode() + BODY, NOT_ASCII),
    "a content type with a tab": (OK + b"Content-Type: a\tb\r\n" + BODY, NOT_ASCII),
    **{
        f"character {code:#04x} in a header's {part}": (OK + header + BODY, INVALID)
        for code in (0x00, 0x01, 0x08, 0x0B, 0x1B, 0x7F)
        for part, header in {"name": b"X%c: a\r\n" % code, "value": b"Content-Type: a%cb\r\n" % code}.items()
    },
    # Statuses
    **{
        f"status {status}": (b"HTTP/1.1 %03d X\r\n" % status + BODY, no_status(status))
        for status in (0, 42, 99, 600, 999)
    },
    **{
        f"status {status}": (b"HTTP/1.1 %s X\r\n" % status.encode() + BODY, INVALID)
        for status in ("20", "2000", "abc", "-200", "2e2", "")
    },
    "status 101": (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", SWITCHED),
    "status 101, and an answer": (b"HTTP/1.1 101 X\r\n\r\n" + FINE, SWITCHED),
    # Protocols
    **{
        f"version {version}": (b"%s 200 OK\r\n" % version.encode() + BODY, INVALID)
        for version in ("HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/11.1", "HTTP/1", "http/1.1", "ICY")
    },
    "a blank before the answer": (b" " + FINE, INVALID),
    "a request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", INVALID),
    "a page and nothing else": (b"<!doctype html><p>Purr.", INVALID),
    "the banner of SSH": (b"SSH-2.0-OpenSSH_9.9\r\n", INVALID),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x28", INVALID),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", INVALID),
    # Compression
    **{
        f"{coding}": (OK + b"Content-Encoding: %s\r\n" % coding.encode() + BODY, COMPRESSED)
        for coding in ("gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "gzip, identity", "")
    },
    "compressed twice": (OK + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n" + BODY, COMPRESSED),
    # Too much of a head
    "a header of 32 KiB": (OK + b"X-A: %s\r\n" % (b"a" * LARGEST_HEAD) + BODY, TOO_MANY),
    "32 KiB of headers": (OK + b"X-A: %s\r\n" % (b"a" * 1024) * 33 + BODY, TOO_MANY),
    "a hundred headers and one": (OK + b"X-A: b\r\n" * MOST_FIELDS + BODY, TOO_MANY),
    "a hundred trailers": (CHUNKED + b"0\r\n" + b"X-A: b\r\n" * MOST_FIELDS + b"\r\n", TOO_MANY),
    "a trailer of 32 KiB": (CHUNKED + b"0\r\nX-A: %s\r\n\r\n" % (b"a" * LARGEST_HEAD), TOO_MANY),
    "a hundred headers of 1xx answers and one": (
        b"HTTP/1.1 103 X\r\nX-A: b\r\n\r\n" * MOST_FIELDS + OK + BODY,
        TOO_MANY,
    ),
    "a bomb": (OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB, COMPRESSED),
}
ACCEPTED = {
    "a length with zeros": (OK + b"Content-Length: 0002\r\n\r\n{}", 200, b"{}"),
    "an empty body": (OK + b"Content-Length: 0\r\n\r\n", 200, b""),
    "chunks in any case": (OK + b"transfer-encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, b"{}"),
    "chunks with extensions": (CHUNKED + b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n', 200, b"{}"),
    "chunks with trailers": (CHUNKED + b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", 200, b"{}"),
    "no reason": (b"HTTP/1.1 200\r\n" + BODY, 200, b"{}"),
    "identity": (OK + b"Content-Encoding: Identity\r\n" + BODY, 200, b"{}"),
    "an offer of HTTP/2": (OK + b"Upgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\n" + BODY, 200, b"{}"),
    "a header beyond ASCII that nobody wants": (OK + "X-A: ä\r\n".encode() + BODY, 200, b"{}"),
    "status 204 with a length": (b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n", 204, b""),
    "status 404": (b"HTTP/1.1 404 X\r\n" + BODY, 404, b"{}"),
    "status 299": (b"HTTP/1.1 299 X\r\n" + BODY, 299, b"{}"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n" + BODY, 200, b"{}"),
    "some 1xx answers": (CONTINUE * 3 + b"HTTP/1.1 103 X\r\nLink: x\r\n\r\n" + FINE, 200, b"{}"),
    "a 1xx answer with a length": (b"HTTP/1.1 102 X\r\nContent-Length: 9\r\n\r\n" + FINE, 200, b"{}"),
    "a hundred headers": (OK + b"X-A: b\r\n" * (MOST_FIELDS - 1) + BODY, 200, b"{}"),
    "30 KiB of headers": (OK + b"X-A: %s\r\n" % (b"a" * 1024) * 30 + BODY, 200, b"{}"),
    "excess bytes": (FINE + b"excess", 200, b"{}"),
    "an answer that nobody asked for": (FINE + FINE, 200, b"{}"),
}
CUT = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "a status line": OK,
    "half a head": OK + b"Content-Length: 2\r\n",
    "a 1xx answer": CONTINUE,
    "a head": OK + b"Content-Length: 2\r\n\r\n",
    "half a body": OK + b"Content-Length: 2\r\n\r\n{",
    "a chunk's size": CHUNKED + b"2\r\n",
    "half a chunk": CHUNKED + b"2\r\n{",
    "no last chunk": CHUNKED + b"2\r\n{}\r\n",
    "half a last chunk": CHUNKED + b"2\r\n{}\r\n0\r\n",
}
