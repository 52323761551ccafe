"""Keeps what only the camera may know out of names, logs and error texts."""

import re

# From the scheme to the *last* @: a password may hold @ or / unquoted, and must not show even then.
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s'\"]*@", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(
    r"(?P<key>[?&;#][^=&;\s'\"]*(?:auth|cred|jwt|key|login|pass|pw|secret|session|sig|token|user|usr)[^=&;\s'\"]*=)"
    r"[^&;\s'\"#]*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """`text` with the user name, password and secret query parameters of every URL in it shown as ***."""
    return _SECRET_PARAMETER.sub(r"\g<key>***", _CREDENTIALS.sub(r"\g<scheme>***@", text))
