"""Signed statements about results: in-toto statements in DSSE envelopes, signed with Ed25519.

Source: in-toto attestation framework, Statement v1; DSSE v1 (pre-authentication encoding). Both sides import this: the
portal signs, anyone verifies offline with `manage.py verify_attestation` or `python -m evaluation.verify`.
"""

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from evaluation.contract import InputFault

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
WHERE_IT_IS = "the portal serves its own at /attestation-key.pem."
PREDICATE_TYPE = "https://veriboard.org/attestation/evaluation/v1"


def make_statement(name: str, sha256: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """Return the statement that weights `name` of digest `sha256` were evaluated as `predicate` says."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def encode(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding, the bytes that are signed."""
    return b" ".join([b"DSSEv1", b"%d" % len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), b"%d" % len(payload), payload])


def identify(key: Ed25519PublicKey) -> str:
    """Return the key's name: the first 16 hex digits of its digest."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def sign(statement: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the statement in a signed envelope."""
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(key.sign(encode(payload))).decode()
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": identify(key.public_key()), "sig": signature}],
    }


def verify(envelope: Any, key: Ed25519PublicKey) -> dict[str, Any]:
    """Return the statement that `key` signed. Raises: InputFault where it did not sign just these bytes."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(entry["sig"], validate=True) for entry in envelope["signatures"]]
        is_ours = envelope["payloadType"] == PAYLOAD_TYPE
    except (TypeError, KeyError, AttributeError, ValueError, binascii.Error) as error:
        raise InputFault("This is no attestation: it lacks a payload with signatures.") from error
    if not is_ours or not any(is_signed(encode(payload), signature, key) for signature in signatures):
        raise InputFault(f"The signature is not by key {identify(key)}, or the attestation was changed after signing.")
    statement: dict[str, Any] = json.loads(payload)
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise InputFault("The signed statement is not about an evaluation by Veriboard.")
    return statement


def is_signed(message: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """Return the signing key at `path`, made at the first start and readable by its owner alone."""
    if not path.exists():
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.touch(mode=0o600)
        path.write_bytes(made)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path.name} holds no Ed25519 key")
    return key


def write_public_key(key: Ed25519PrivateKey) -> str:
    """Return the public half in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """Raises: InputFault where this is no Ed25519 public key in PEM."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise InputFault(f"This is no public key in PEM form; {WHERE_IT_IS}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputFault(f"This public key is not an Ed25519 key; {WHERE_IT_IS}")
    return key
