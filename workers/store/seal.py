"""
What a rule of this installation decided carries its seal: keyed BLAKE2b (RFC 7693) with a key that is not in
the database.

The key is derived from the installation's signing key, so all of an installation's processes need the same
one. The first key seals; former keys still verify what they sealed. Anything without a valid seal was put
into the database by somebody else, and is not acted on.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from workers.environment.settings import settings
from workers.store.signature import signing_keys, spell_public

SEAL_BYTES = 32
PURPOSE = b"recsysops seal 1"
"""What the derived keys are for, so that they serve no other purpose."""


@lru_cache(maxsize=1)
def keyed() -> tuple[blake2b, ...]:
    """
    Prototypes to copy for making seals, one per key of this process. The first one seals.

    Raises:
        ConfigurationError: RECSYSOPS_SIGNING_KEY names no key.
    """
    found = [key.private_bytes_raw() for key in signing_keys(settings())]
    derived = [HKDF(SHA256(), SEAL_BYTES, None, PURPOSE).derive(secret) for secret in found]
    return tuple(blake2b(key=key, digest_size=SEAL_BYTES) for key in derived)


def public_keys() -> tuple[str, ...]:
    """The public halves of the signing keys of this process, the first one first."""
    return tuple(spell_public(key) for key in signing_keys(settings()))


def seal(content: bytes) -> bytes:
    """The seal of these bytes."""
    made = keyed()[0].copy()
    made.update(content)
    return made.digest()


def fits(content: bytes, found: bytes) -> bool:
    """Whether a seal belongs to these bytes, by any key of this installation."""
    for key in keyed():
        made = key.copy()
        made.update(content)
        if compare_digest(made.digest(), found):
            return True
    return False


def of_event(hash_: bytes, columns: tuple[Any, ...], data: str) -> bytes:
    """
    What an event's seal covers.

    Args:
        hash_: the event's, and so its place in its stream.
        columns: `rules`, then all others that the hash covers but `data`, in the order of their names.
        data: apart from them, since as text within JSON it would be escaped at every read.
    """
    return b"event 2\n%b%b%b" % (hash_, orjson.dumps(columns), data.encode())
