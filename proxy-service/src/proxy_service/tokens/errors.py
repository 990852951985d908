"""Why a cat got no token."""

from cathouse.errors import ServiceError

_CHALLENGE = {"WWW-Authenticate": "StandardWebhooks"}


class InvalidSignatureError(ServiceError):
    """The request does not prove which cat sent it."""

    code = "invalid_signature"
    status = 401
    title = "The signature is not valid"

    def __init__(self) -> None:
        """One text for all causes, an installation of another cat or none at all among them."""
        super().__init__(
            "The signature does not fit the installation's cat. Sign the body, as it is sent, with the cat's signing"
            " secret: webhook-id, webhook-timestamp (now, within five minutes) and webhook-signature.",
            headers=_CHALLENGE,
        )


class MessageUsedError(ServiceError):
    """The request was made before."""

    code = "webhook_id_used"
    status = 401
    title = "The webhook-id was used before"

    def __init__(self) -> None:
        """Whoever holds a copy of an earlier request gets nothing for it."""
        super().__init__("A request with this webhook-id was answered already. Sign a new one.", headers=_CHALLENGE)
