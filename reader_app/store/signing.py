"""Ed25519 signatures over a log's head. A signature says "this key, unchanged since"; it keeps nothing secret."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key.

    Attributes
    ----------
    private : bytes
        32 bytes.
    """

    private: bytes

    @staticmethod
    def new() -> SigningKey:
        """Return a fresh random key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return SigningKey(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> str:
        """The public key, 64 hexadecimal digits."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw().hex()

    def sign(self, statement: str) -> str:
        """Return the signature over the UTF-8 bytes of ``statement``, 128 hexadecimal digits."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.private).sign(statement.encode("utf-8")).hex()


def signature_holds(key: str, signature: str, statement: str) -> bool:
    """Return whether ``signature`` was made over ``statement`` with the private half of ``key`` (both hexadecimal)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), statement.encode("utf-8"))
    except (InvalidSignature, ValueError):
        return False
    return True
