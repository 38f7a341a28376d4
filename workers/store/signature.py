"""
Who vouches for a log or an archive: this installation's Ed25519 key, and what it signed.

The private key is a PEM file. It is read where it is needed and never reaches a log, event or message.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domain.errors import ConfigurationError, Tampered
from workers.environment.settings import Settings

FILE = "signing_key.pem"
DERIVED_BYTES = 32
_SPELLED = re.compile(r"[0-9a-f]{64}")


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """
    The key that RECSYSOPS_SIGNING_KEY names; if it names none, one created once under the data folder.

    Raises:
        ConfigurationError: there is no such file, or no Ed25519 key in it.
    """
    if settings.signing_key is None:
        return _made_once(settings.var / FILE)
    return _named(settings.signing_key)


def signing_keys(settings: Settings) -> tuple[Ed25519PrivateKey, ...]:
    """
    The same, and the former ones that RECSYSOPS_SIGNING_KEY names after it.

    Raises:
        ConfigurationError: as `signing_key`.
    """
    return (signing_key(settings), *(_named(file) for file in settings.former_keys))


def derived_key(settings: Settings, purpose: str) -> bytes:
    """
    A key (32 bytes) of this installation for one purpose, by HKDF (RFC 5869): the same wherever the signing
    key is the same, and revealing neither that key nor the key for another purpose.

    Raises:
        ConfigurationError: as `signing_key`.
    """
    made = HKDF(hashes.SHA256(), DERIVED_BYTES, salt=None, info=f"recsysops {purpose}".encode())
    return made.derive(signing_key(settings).private_bytes_raw())


def spell_public(key: Ed25519PrivateKey) -> str:
    """The public half, as 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def read_public(given: str) -> str:
    """
    A public key given as 64 hexadecimal digits or a PEM file, as the digits.

    Raises:
        ConfigurationError: it is neither.
    """
    if _SPELLED.fullmatch(given.lower()):
        return given.lower()
    file = Path(given)
    if file.is_file():
        try:
            key = load_pem_public_key(file.read_bytes())
        except ValueError:
            key = None
        if isinstance(key, Ed25519PublicKey):
            return key.public_bytes_raw().hex()
    raise ConfigurationError(
        f"--key {given}: neither 64 hexadecimal digits nor a PEM file with a public Ed25519 key; "
        "`recsysops events key` prints the one of an installation."
    )


def sign(what: str, content: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """
    `content` with its `public_key` and `signature` (128 hexadecimal digits).

    Args:
        what: the kind of thing, so that a signature for one kind fits no other.
    """
    vouched_for = {name: value for name, value in content.items() if name != "signature"}
    signed = {**vouched_for, "public_key": spell_public(key)}
    return {**signed, "signature": key.sign(_covered(what, signed)).hex()}


def require_signed(what: str, content: Mapping[str, Any], trusted: str | None = None) -> None:
    """
    Check a signature against its content.

    Args:
        trusted: the public key that must have signed; any, if None.

    Raises:
        Tampered: it does not fit, or another key signed.
    """
    signed = {name: value for name, value in content.items() if name != "signature"}
    by = str(content.get("public_key"))
    if trusted is not None and by != trusted:
        raise Tampered(f"the {what} is signed by the key {by}, not by {trusted}")
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(by))
        public.verify(bytes.fromhex(str(content.get("signature"))), _covered(what, signed))
    except (InvalidSignature, ValueError):
        raise Tampered(f"the {what} is not what was signed: its signature does not fit") from None


def _covered(what: str, signed: Mapping[str, Any]) -> bytes:
    return f"recsysops {what}\n".encode() + orjson.dumps(signed, option=orjson.OPT_SORT_KEYS)


def _named(file: Path) -> Ed25519PrivateKey:
    if not file.is_file():
        raise ConfigurationError(
            f"RECSYSOPS_SIGNING_KEY names {file}, and there is no such file; make one with "
            f"`openssl genpkey -algorithm ed25519 -out {file}`."
        )
    return _read(file)


def _read(file: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None  # the library's own message could quote the file
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{file} holds no Ed25519 private key in PEM without a passphrase.")
    return key


def _made_once(file: Path) -> Ed25519PrivateKey:
    """Written whole before it gets its name, so that two processes that start together use one key."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):  # then somebody else's counts
            file.hardlink_to(fresh)
        fresh.unlink()
    return _read(file)
