"""The way back: where a cat may call us about an installation, and with which token."""

import datetime as dt
from typing import Any

from cathouse.database import AnyRow
from cathouse.identity import Keyring, issue_callback_token
from cathouse.schema import PermissionType
from cathouse.web import rfc3339


class Callbacks:
    """Makes the member ``callback`` of messages, each with a token of its own."""

    def __init__(self, keys: Keyring, *, installation_url: str, proxy_url: str) -> None:
        """``keys`` sign the tokens; the URLs are the base URLs of both services, as cats reach them."""
        self._keys = keys
        self._installation_url = installation_url
        self._proxy_url = proxy_url

    def offer(self, target: AnyRow) -> dict[str, Any] | None:
        """A fresh one for a row of ``repository.select_targets``; None unless the installation is active."""
        if not target.is_active:
            return None
        token, expires_at = self.issue(target)
        return {
            "installation_url": self._installation_url,
            "proxy_url": self._proxy_url,
            "token": token,
            "expires_at": rfc3339(expires_at),
        }

    def issue(self, target: AnyRow) -> tuple[str, dt.datetime]:
        """A token for the installation of such a row, which is active, with what is granted now; and when it ends."""
        return issue_callback_token(
            self._keys,
            installation_id=target.id,
            cat_id=target.cat_id,
            release_id=target.release_id,
            scopes=frozenset(PermissionType(each) for each in target.granted),
            generation=target.grant_generation,
        )
