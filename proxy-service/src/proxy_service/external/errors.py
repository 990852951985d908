"""Why a cat's call to the outside was not made."""

from cathouse.errors import ServiceError


class UrlNotAllowedError(ServiceError):
    """The URL is one that is never called."""

    code = "url_not_allowed"
    status = 422
    title = "The URL is not acceptable"

    def __init__(self, reason: str) -> None:
        """``reason`` says what is wrong with it."""
        super().__init__(f"The URL is not acceptable: {reason}.")


class HostNotDeclaredError(ServiceError):
    """The release that runs does not say that it calls this host."""

    code = "host_not_declared"
    status = 403
    title = "The release does not declare this host"

    def __init__(self, host: str) -> None:
        """``host`` in its ASCII form."""
        super().__init__(
            f"{host} is not among the egress_hosts of the release that this installation runs. Declare it in a new"
            " release; players are asked for their consent.",
            host=host,
        )


class SecretNotDeclaredError(ServiceError):
    """The release that runs asks for no such secret."""

    code = "secret_not_declared"
    status = 403
    title = "The release declares no such secret"

    def __init__(self, name: str) -> None:
        """``name`` as the cat gave it."""
        super().__init__(f"The release that this installation runs declares no secret {name}.", secret=name)


class SecretNotForHostError(ServiceError):
    """The secret is for another host."""

    code = "secret_not_for_host"
    status = 403
    title = "The secret is for another host"

    def __init__(self, name: str, host: str) -> None:
        """``host`` is where it may be sent."""
        super().__init__(f"The secret {name} is sent to {host} and to no other host.", secret=name, host=host)


class SecretNotSetError(ServiceError):
    """The player did not give the secret."""

    code = "secret_not_set"
    status = 409
    title = "The player has not given this secret"

    def __init__(self, name: str) -> None:
        """Say who can do something about it."""
        super().__init__(f"The player has not given {name} yet. They can in the settings of the cat.", secret=name)


class SecretHeaderTakenError(ServiceError):
    """The cat sets the header itself in which the secret is to be sent."""

    code = "secret_header_taken"
    status = 422
    title = "The secret's header is set already"

    def __init__(self, name: str, header: str) -> None:
        """``header`` is where the secret goes."""
        super().__init__(f"The secret {name} is sent in {header}: leave that out of headers.", header=header)
