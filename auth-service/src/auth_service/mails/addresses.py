"""Addresses as mails carry them."""

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage

from email_validator import EmailNotValidError, validate_email

_EXPECTED = "expected one address, for example Cat House <no-reply@example.com>"


def parse_sender(text: str) -> Address:
    """Read ``MAIL_FROM``: one address, with a name before it or without.

    Raises:
        ValueError: saying what is expected.
    """
    try:
        header = EmailMessage()
        header["From"] = text
        address: Address
        (address,) = header["From"].addresses
    except (MessageError, ValueError, IndexError):
        raise ValueError(_EXPECTED) from None
    if header["From"].defects or not text.isprintable() or not address.username or not address.domain:
        raise ValueError(_EXPECTED)
    if not address.addr_spec.isascii():
        raise ValueError("the name may be in any script, the address is ASCII (a domain as xn--…)")
    return address


def in_ascii(email: str) -> str:
    """An address as every mail server takes it: a domain in another script as ``xn--…``.

    Raises:
        ValueError: it has none such form. The message does not name it.
    """
    if email.isascii():
        return email
    try:
        written = validate_email(email, check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        written = None
    if written is None:
        raise ValueError("the address cannot be written in ASCII")
    return written
