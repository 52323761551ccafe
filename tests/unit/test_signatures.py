"""Signatures of lists: which keys and signatures are taken, and that nothing but the signed bytes passes."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from anpr import signatures

OURS, OTHER = signatures.new_key(), signatures.new_key()
LIST = b"plate,kind,valid_from,valid_to\n1A23456,year,2026-05-01,2027-04-30\n"


def test_the_signer_is_told_by_its_fingerprint() -> None:
    keys = [OTHER.public_key(), OURS.public_key()]
    assert signatures.signer(keys, OURS.sign(LIST), LIST) == signatures.fingerprint(OURS.public_key())
    assert signatures.signer(keys[:1], OURS.sign(LIST), LIST) is None
    assert signatures.signer([], OURS.sign(LIST), LIST) is None


@given(st.integers(0, len(LIST) * 8 - 1))
def test_no_bit_of_a_list_can_be_changed(bit: int) -> None:
    changed = bytearray(LIST)
    changed[bit // 8] ^= 1 << bit % 8
    assert signatures.signer([OURS.public_key()], OURS.sign(LIST), bytes(changed)) is None


@given(st.integers(0, len(LIST) - 1))
def test_a_list_cannot_be_cut_off(length: int) -> None:
    assert signatures.signer([OURS.public_key()], OURS.sign(LIST), LIST[:length]) is None


@given(st.integers(0, 511))
def test_no_bit_of_a_signature_can_be_changed(bit: int) -> None:
    changed = bytearray(OURS.sign(LIST))
    changed[bit // 8] ^= 1 << bit % 8
    assert signatures.signer([OURS.public_key()], bytes(changed), LIST) is None


def test_a_signature_is_its_bytes_or_base64_of_them_and_whole() -> None:
    signature = OURS.sign(LIST)
    text = b64encode(signature)
    assert [signatures.signature_in(one) for one in (signature, text, text[:44] + b"\n" + text[44:] + b"\n")] == (
        [signature] * 3
    )
    for wrong in (b"", signature[:-1], signature + b"\n", text[:-4], b"-" * 88, LIST):
        with pytest.raises(ValueError, match="is no Ed25519 signature"):
            signatures.signature_in(wrong)


def test_a_public_key_is_pem_or_base64() -> None:
    key = OURS.public_key()
    pem, bare = signatures.public_pem(key).decode(), signatures.public_text(key)
    for text in (pem, pem.splitlines()[1], bare, f"\n {bare}\n"):
        assert signatures.fingerprint(signatures.public_key(text)) == signatures.fingerprint(key)


def test_what_is_no_public_key_is_refused_and_not_repeated() -> None:
    private = signatures.private_pem(OURS).decode()
    other_kind = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other_kind.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for wrong in ("", "abc", "ä", private, pem.decode(), signatures.public_text(OURS.public_key())[:-4]):
        with pytest.raises(ValueError, match=r"^is no Ed25519 public key") as caught:
            signatures.public_key(wrong)
        assert caught.value.__context__ is None


def test_a_private_key_comes_back_from_its_file() -> None:
    assert signatures.private_key(signatures.private_pem(OURS)).sign(LIST) == OURS.sign(LIST)
    locked = OURS.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    for wrong in (b"", LIST, signatures.public_pem(OURS.public_key()), locked):
        with pytest.raises(ValueError, match=r"^holds no Ed25519 private key"):
            signatures.private_key(wrong)
