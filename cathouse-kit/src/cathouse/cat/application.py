"""A cat as an ASGI application: whatever server or framework runs it."""

import inspect
import logging
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from cathouse.cat.asgi import ClientLeftError, Receive, Scope, Send, answer_with, read_body
from cathouse.cat.calls import encode, heard_in, make_http
from cathouse.cat.errors import CallbackError, InvalidMessageError, InvalidSignatureError, Refusal
from cathouse.cat.events import EVENT_STREAM, Event, EventAnswer
from cathouse.cat.house import House, request_token
from cathouse.cat.messages import Callback, InstallationMessage, Message, read_message
from cathouse.cat.signatures import SigningSecrets

Answering = Callable[[InstallationMessage, House], Awaitable[Any]]
Streaming = Callable[[InstallationMessage, House], AsyncIterator[Event]]
Listening = Callable[[InstallationMessage, House], Awaitable[None]]

AnsweringT = TypeVar("AnsweringT", bound=Answering)
StreamingT = TypeVar("StreamingT", bound=Streaming)
ListeningT = TypeVar("ListeningT", bound=Listening)

INTERACTION = "interaction"
_OWN_ANSWERS = (INTERACTION, "challenge", "ping")

_logger = logging.getLogger("cathouse.cat")


class Cat:
    """Answers Cat House.

    Checks every message, answers challenges and pings, and hands everything else to your handlers. It answers under
    every path, so mount it where the cat's ``endpoint_url`` leads.
    """

    def __init__(self, secret: str | Sequence[str], *, http: httpx.AsyncClient | None = None) -> None:
        """``secret`` is ``whsec_…``, or several during a rotation, the newest first.

        ``http`` calls Cat House; without it the cat makes a client when it needs one.

        Raises:
            ValueError: the secret is none.
        """
        self._secrets = SigningSecrets(secret)
        self._given = http
        self._own: httpx.AsyncClient | None = None
        self._answering: Answering | None = None
        self._streaming: Streaming | None = None
        self._listening: dict[str, Listening] = {}

    def interaction(self, handler: AnsweringT) -> AnsweringT:
        """Make ``handler`` answer players: the JSON value that it returns is the output."""
        if inspect.isasyncgenfunction(handler):
            raise TypeError("what yields events is registered with stream")
        self._answering = handler
        return handler

    def stream(self, handler: StreamingT) -> StreamingT:
        """Make ``handler`` answer players who want events as they come.

        Where a player wants none and there is no handler for interactions, the output is the list of the events' data.
        """
        if inspect.iscoroutinefunction(handler):
            raise TypeError("a stream yields events; what returns a value is registered with interaction")
        self._streaming = handler
        return handler

    def on(self, *types: str) -> Callable[[ListeningT], ListeningT]:
        """Make a handler hear of events, as in ``@cat.on("installation.created")``.

        They come at least once: ``message.id`` is the same each time. When the handler raises, the event comes again.
        Events without a handler are acknowledged.
        """
        if not types or any(each in _OWN_ANSWERS for each in types):
            raise ValueError("name events, as in installation.created")

        def register(handler: ListeningT) -> ListeningT:
            self._listening.update(dict.fromkeys(types, handler))
            return handler

        return register

    async def house(self, installation_id: uuid.UUID | str, *, installation_url: str, proxy_url: str) -> House:
        """Cat House for an installation, between two messages; both URLs are those of an earlier callback.

        Raises:
            CallbackError: there is no token for it, for instance because it is not active.
        """
        http = self._client()
        token = await request_token(proxy_url, installation_id, self._secrets, http=http)
        callback = Callback(
            installation_url=installation_url, proxy_url=proxy_url, token=token.token, expires_at=token.expires_at
        )
        return House(callback, http=http)

    async def aclose(self) -> None:
        """Close the connections to Cat House. The next call opens new ones."""
        own, self._own = self._own, None
        if own is not None:
            await own.aclose()

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """The lifespan of the framework that the cat is mounted in: only the outermost application is told of it."""
        try:
            yield
        finally:
            await self.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be an ASGI application."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise ValueError(f"a cat knows no {scope['type']}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            if scope["method"] != "POST":
                await answer_with(send, 405, {"error": "Cat House sends POST."}, allow="POST")
                return
            body = await read_body(receive)
            try:
                message = read_message(self._secrets, headers, body)
            except (InvalidSignatureError, InvalidMessageError) as error:
                _logger.info("A request was refused: %s", error)
                raise Refusal(400, "This is no message of Cat House.") from None
            heard_in.set(headers.get("traceparent"))
            await self._hear(message, EVENT_STREAM in headers.get("accept", ""), receive, send)
        except Refusal as refusal:
            await answer_with(send, refusal.status, {"error": refusal.detail})
        except ClientLeftError:
            return

    async def _hear(self, message: Message, wants_events: bool, receive: Receive, send: Send) -> None:  # noqa: FBT001 - one caller
        if message.type == "challenge":
            await answer_with(send, 200, {"challenge": message.challenge})
        elif message.type == "ping":
            await answer_with(send, 200, {})
        elif not isinstance(message, InstallationMessage):
            await answer_with(send, 204)  # of a kind that is not known yet
        elif message.type != INTERACTION:
            await self._listen(message, send)
        elif self._streaming is not None and wants_events:
            await self._tell(self._streaming, message, receive, send)
        else:
            await self._talk(message, send)

    async def _listen(self, message: InstallationMessage, send: Send) -> None:
        handler = self._listening.get(message.type)
        if handler is not None:
            try:
                await handler(message, self._house(message))
            except Refusal:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises, Cat House gets an answer
                await _fail(error, message, send)
                return
        await answer_with(send, 204)

    async def _talk(self, message: InstallationMessage, send: Send) -> None:
        try:
            document = encode({"output": await self._output(message)})
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the player gets an answer
            await _fail(error, message, send)
            return
        await answer_with(send, 200, document)

    async def _output(self, message: InstallationMessage) -> Any:  # noqa: ANN401 - any JSON value
        if self._answering is not None:
            return await self._answering(message, self._house(message))
        if self._streaming is not None:
            return [event.data async for event in self._streaming(message, self._house(message))]
        raise Refusal(404, "This cat does not talk.")

    async def _tell(self, streaming: Streaming, message: InstallationMessage, receive: Receive, send: Send) -> None:
        answer = EventAnswer(send)
        try:
            await answer.run(streaming(message, self._house(message)), receive)
        except ClientLeftError:
            raise
        except Exception as error:
            if not answer.begun:
                if isinstance(error, Refusal):
                    raise
                await _fail(error, message, send)
                return
            # The status is sent already: the player is told as Cat House tells of a stream that breaks off.
            _log(error, message)
            failure = Event({"code": "cat_failed", "detail": "The cat failed in the middle."}, event="error")
            await answer.write(failure.encode(), more=False)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            told = await receive()
            if told["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _house(self, message: InstallationMessage) -> House:
        return House(message.callback, http=self._client())

    def _client(self) -> httpx.AsyncClient:
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = make_http()
        return self._own


async def _fail(error: Exception, message: Message, send: Send) -> None:
    _log(error, message)
    await answer_with(send, 500, {"error": "The cat failed."})


def _log(error: Exception, message: Message) -> None:
    """Say where it failed. What an exception says may be what a player said: only of Cat House's own it is shown."""
    shown = str(error) if isinstance(error, CallbackError) else "what it says is not logged"
    frames = "".join(traceback.format_tb(error.__traceback__))
    _logger.error(
        "The handler of %s failed at message %s: %s (%s)\n%s",
        message.type,
        message.id,
        type(error).__name__,
        shown,
        frames,
    )
