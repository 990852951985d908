"""E-mail addresses: kept as given, unique by their key."""


def email_key(email: str) -> str:
    """What makes an address unique: the same whatever its case."""
    return email.strip().lower()


def masked(email: str) -> str:
    """An address as a mail to another one may show it: its first letter and its domain."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"
