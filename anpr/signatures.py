"""Detached signatures of vignette lists: Ed25519 (RFC 8032) over the bytes of the file.

Keys and signatures are those of `openssl genpkey -algorithm ed25519` and `openssl pkeyutl -sign -rawin`.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
SIGNATURE_BYTES = 64
LONGEST = 1024  # bytes; a file that is longer is no signature


def public_key(text: str) -> Ed25519PublicKey:
    """The key that stands in a text: PEM or the base64 within it, or the base64 of its 32 bytes. Raises ValueError."""
    try:
        if text.lstrip().startswith("-----BEGIN"):
            key = serialization.load_pem_public_key(text.encode())
        else:
            content = b64decode("".join(text.split()), validate=True)
            is_bare = len(content) == KEY_BYTES
            key = Ed25519PublicKey.from_public_bytes(content) if is_bare else serialization.load_der_public_key(content)
        if isinstance(key, Ed25519PublicKey):
            return key
    except (ValueError, UnsupportedAlgorithm):
        pass  # the cause might quote what may be a private key
    raise ValueError("is no Ed25519 public key: neither PEM (-----BEGIN PUBLIC KEY-----) nor the base64 of one")


def new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key of a PEM file without a password. Raises ValueError where there is none."""
    wrong = "holds no Ed25519 private key: PEM (-----BEGIN PRIVATE KEY-----) without a password"
    try:
        key = serialization.load_pem_private_key(pem, password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise ValueError(wrong)


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """The key as PEM (PKCS #8), without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_text(key: Ed25519PublicKey) -> str:
    """The 32 bytes of the key in base64, for the settings."""
    return b64encode(key.public_bytes_raw()).decode()


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes of the key, 64 hexadecimal digits."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def signature_in(content: bytes) -> bytes:
    """The signature that a file holds, as its 64 bytes or as base64 of them. Raises ValueError where it is none."""
    found = content
    if len(content) != SIGNATURE_BYTES:
        try:
            found = b64decode(b"".join(content.split()), validate=True)
        except ValueError:
            found = b""
    if len(found) != SIGNATURE_BYTES:
        raise ValueError(f"is no Ed25519 signature: neither its {SIGNATURE_BYTES} bytes nor the base64 of them")
    return found


def signer(keys: Iterable[Ed25519PublicKey], signature: bytes, content: bytes) -> str | None:
    """The fingerprint of that key whose signature of the content it is; None where it is of none."""
    for key in keys:
        try:
            key.verify(signature, content)
        except InvalidSignature:
            continue
        return fingerprint(key)
    return None
