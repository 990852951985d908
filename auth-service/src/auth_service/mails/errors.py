"""Why no mail can be promised."""

from cathouse.errors import ServiceError


class MailNotConfiguredError(ServiceError):
    """This Cat House sends no mail."""

    code = "mail_not_configured"
    status = 503
    title = "This Cat House sends no mail"

    def __init__(self) -> None:
        """For the operator: players can only ask one."""
        super().__init__("What you ask for is done by mail, and no mail server is configured here. Ask the operator.")
