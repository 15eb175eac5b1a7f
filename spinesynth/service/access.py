"""Who may ask: a token, or this machine alone."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

from spinesynth.errors import ConfigError

TOKEN_VARIABLE = "SPINESYNTH_TOKEN"
#: Characters that a token has at least: 128 bits in base64.
_SHORTEST = 22


def read_token(path: Path | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the token of a file, or else of the environment; None where there is neither.

    Args:
        path: file that holds the token alone.
        environment: where ``SPINESYNTH_TOKEN`` may stand.

    Raises:
        ConfigError: if the file cannot be read, or the token is short or not plain ASCII.
    """
    if path is not None:
        try:
            token, where = path.read_text(encoding="ascii").strip(), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: the token cannot be read ({error}); write it there as one line",
                code="E-SERVE-017",
            ) from error
    elif TOKEN_VARIABLE in environment:
        token, where = environment[TOKEN_VARIABLE].strip(), TOKEN_VARIABLE
    else:
        return None
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{where}: a token must have at least {_SHORTEST} printable ASCII characters and no "
            f"blank, got {len(token)}; make one with: openssl rand -hex 32",
            code="E-SERVE-017",
        )
    return token


def refuse_open_address(host: str, token: str | None) -> None:
    """Refuse an address that others can reach, unless they need a token.

    Args:
        host: that would be bound.
        token: that requests must bear; None for none.

    Raises:
        ConfigError: if it is another than this machine's own, and there is no token.
    """
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"--host must be 127.0.0.1, ::1 or localhost without a token, got {host!r}: anyone who "
            f"can reach it could send scans and read results; set --token-file or {TOKEN_VARIABLE}",
            code="E-SERVE-016",
        )


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("scanner.example")
        (True, False, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def bears_token(header: str, token: str) -> bool:
    """Say whether a header ``Authorization`` holds a token, in a time that tells nothing of it.

    Example:
        >>> bears_token("Bearer secret", "secret"), bears_token("Basic secret", "secret")
        (True, False)
    """
    kind, _, given = header.partition(" ")
    digests = [hashlib.sha256(text.encode()).digest() for text in (given.strip(), token)]
    return hmac.compare_digest(*digests) and kind.lower() == "bearer"
