"""A delivery goes where it may, and nowhere else: addresses, names, certificates, redirects."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from receiver import Receiver, receiving

from workers.post import Undelivered, post


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def sent_to(url: str, addresses: list[str], *, allow_private: bool, tls: ssl.SSLContext | None = None) -> list[str]:
    """Post to a name that has these addresses; the names that were looked up."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return addresses

    post(url, b"{}", {}, timeout_s=2, allow_private=allow_private, resolve=resolve, tls=tls)
    return asked


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "::1"])
def test_a_name_with_a_private_address_is_refused_and_nothing_is_sent(receiver: Receiver, address: str) -> None:
    with pytest.raises(Undelivered, match=r"hook\.example is .*, a private address: `allow_private` permits it"):
        sent_to(f"http://hook.example:{receiver.port}/", [address], allow_private=False)
    assert receiver.told == []


def test_a_name_is_looked_up_once_and_the_connection_is_to_what_was_found(receiver: Receiver) -> None:
    assert sent_to(f"http://hook.example:{receiver.port}/a", ["127.0.0.1"], allow_private=True) == ["hook.example"]
    (told,) = receiver.told
    assert told.headers["host"] == f"hook.example:{receiver.port}"


def test_a_name_server_that_is_away_holds_nobody_longer_than_the_limit(receiver: Receiver) -> None:
    began_s = time.monotonic()
    with pytest.raises(Undelivered, match=r"the address of hook\.example is not found in time"):
        post(
            f"http://hook.example:{receiver.port}/",
            b"{}",
            {},
            timeout_s=0.2,
            allow_private=True,
            resolve=lambda *_: time.sleep(2) or ["127.0.0.1"],
        )
    assert time.monotonic() - began_s < 1
    assert receiver.told == []


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.statuses, receiver.location = [307], f"http://127.0.0.1:{receiver.port}/elsewhere"
    with pytest.raises(Undelivered, match="answers with status 307: a redirect is not followed"):
        sent_to(f"http://hook.example:{receiver.port}/", ["127.0.0.1"], allow_private=True)
    assert [told.path for told in receiver.told] == ["/"]


def test_a_message_that_is_too_long_is_not_sent(receiver: Receiver) -> None:
    with pytest.raises(Undelivered, match="the most that is sent is 262144"):
        post(receiver.url, b" " * 262145, {}, timeout_s=2, allow_private=True)
    assert receiver.told == []


def test_a_certificate_must_be_for_the_name_and_from_somebody_trusted(tmp_path: Path) -> None:
    certificate, key = a_certificate(tmp_path, "hook.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=certificate)
    with receiving(server) as receiver:
        sent_to(f"https://hook.example:{receiver.port}/", ["127.0.0.1"], allow_private=True, tls=trusting)
        assert len(receiver.told) == 1
        for host, context in (("other.example", trusting), ("hook.example", None)):
            with pytest.raises(Undelivered, match="its certificate is not accepted"):
                sent_to(f"https://{host}:{receiver.port}/", ["127.0.0.1"], allow_private=True, tls=context)
        assert len(receiver.told) == 1


def a_certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """A certificate for a name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = directory / "certificate.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret
