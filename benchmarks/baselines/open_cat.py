"""A cat that talks for as long as it is listened to: an event now and then, sooner than a stream is given up."""

import asyncio
import os
from typing import cast

import uvloop

_EVERY_S = 10.0
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = b"data: purr\n\n"
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_READY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class OpenCat(asyncio.Protocol):
    """One connection; what is asked does not matter."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: it is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._has_begun = False

    def data_received(self, data: bytes) -> None:
        """Asyncio's: something came."""
        if data.startswith(b"GET "):
            self._transport.write(_READY)
        elif not self._has_begun:
            self._has_begun = True
            self._transport.write(_HEAD)
            self._purr()

    def _purr(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_CHUNK)
            asyncio.get_running_loop().call_later(_EVERY_S, self._purr)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(OpenCat, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
