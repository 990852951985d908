"""Files with secrets: for their owner alone, and whole or not at all."""

import os
import tempfile
from pathlib import Path

from cathouse.configuration import ConfigurationError


def write_private(path: Path, text: str) -> None:
    """Make ``text`` the content of the file at ``path``, which only its owner may read then, whoever could before.

    Nobody ever sees it half written: until it is whole, what was there stays.

    Raises:
        ConfigurationError: when it cannot be written.
    """
    target = path.resolve()  # what a link leads to, not the link
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")  # mode 0600
        unfinished = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or "it cannot be written").lower()
        raise ConfigurationError(f"{path} cannot be written: {reason}") from None
