"""What auth-service's routes read from a request beside its body."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.client import Client
from cathouse.web import client_address

_LONGEST_USER_AGENT = 400


async def _client(request: Request) -> Client:
    agent = request.headers.get("user-agent")
    return Client(user_agent=agent[:_LONGEST_USER_AGENT] if agent else None, ip=client_address(request))


FromClient = Annotated[Client, Depends(_client)]
"""From where the request came."""
