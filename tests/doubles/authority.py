"""A certificate authority of a test: issues certificates for this host, and tells clients to trust them."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

_LIFE = timedelta(hours=1)


class Authority:
    """Its root certificate, and what it issues."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        builder = self._begin(self._name, self._key.public_key())
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        self._root = builder.sign(self._key, hashes.SHA256())

    def issue(self, cert, key, password=None):
        """Write a certificate for localhost and its private key; return both paths as settings."""
        private = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = self._begin(x509.Name([]), private.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        issued = builder.sign(self._key, hashes.SHA256())
        protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        _replace(cert, issued.public_bytes(Encoding.PEM))
        _replace(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
        return {"tls_cert": cert, "tls_key": key}

    def write(self, path):
        """Write the root certificate; return the path."""
        path.write_bytes(self._root.public_bytes(Encoding.PEM))
        return path

    def trust(self):
        """Return a context for clients that trust this authority alone."""
        return ssl.create_default_context(cadata=self._root.public_bytes(Encoding.PEM).decode())

    def _begin(self, subject, public_key):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _LIFE)
            .not_valid_after(now + _LIFE)
        )


def _replace(path, content):
    """Write a file under another name and move it there, as programs that renew certificates do."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.chmod(0o600)
    os.replace(temporary, path)
