"""The certificate that the gateway shows, and its renewal without a restart. Opens no socket."""

from __future__ import annotations

import logging
import os
import ssl
import stat
from pathlib import Path

from http_gateway.config import GatewaySettings
from queue_server.protocol.errors import ParameterError

_log = logging.getLogger(__name__)

_CHECKS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate and its key in two files. Each handshake looks whether they were replaced, and then reads them.

    Files that do not fit together, as in the middle of a renewal, leave the last good ones in use.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        """Read the files.

        Raises:
            ParameterError: a file cannot be used; the message names the setting.
        """
        self._settings = settings
        self._seen = _stamp(settings)
        self._context = _load(settings)
        self._front = _load(settings)
        self._front.sni_callback = self._choose

    @property
    def context(self) -> ssl.SSLContext:
        """What a listening socket is given, once."""
        return self._front

    def renew(self) -> None:
        """Read the files if they have changed since they were read last."""
        try:
            stamp = _stamp(self._settings)
            if stamp == self._seen:
                return
            self._seen = stamp
            self._context = _load(self._settings)
        except ParameterError as error:
            _log.warning("The certificate stays the one that was read last: %s", error)
        else:
            _log.info("The certificate was renewed from %s", self._settings.tls_cert)

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        self.renew()
        connection.context = self._context


def find_certificate(settings: GatewaySettings) -> Certificate | None:
    """Return the certificate that the settings name, or None for a gateway without TLS.

    Raises:
        ParameterError: a file cannot be used.
    """
    return None if settings.tls_cert is None else Certificate(settings)


def _load(settings: GatewaySettings) -> ssl.SSLContext:
    certificate, key = _files(settings)
    _check_mode(key)
    password = settings.tls_key_password
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a function for the password, OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(certificate, key, lambda: "" if password is None else password.get_secret_value())
    except (OSError, ValueError) as error:
        raise _refuse("tls_cert", f"{certificate} and {key} cannot be used: {_reason(error)}") from None
    if settings.tls_ciphers is not None:
        try:
            context.set_ciphers(settings.tls_ciphers)
        except ssl.SSLError as error:
            raise _refuse("tls_ciphers", _reason(error)) from None
    _trust(context, settings)
    return context


def _trust(context: ssl.SSLContext, settings: GatewaySettings) -> None:
    if settings.tls_client_check == "none":
        return
    authorities = settings.tls_client_ca
    if authorities is None:
        raise _refuse("tls_client_ca", "is needed to check the certificates of clients")
    try:
        context.load_verify_locations(authorities)
    except OSError as error:
        raise _refuse("tls_client_ca", f"{authorities} cannot be used: {_reason(error)}") from None
    context.verify_mode = _CHECKS[settings.tls_client_check]


def _files(settings: GatewaySettings) -> tuple[Path, Path]:
    if settings.tls_cert is None or settings.tls_key is None:
        raise _refuse("tls_cert", "goes with 'tls_key': name both files")
    return settings.tls_cert, settings.tls_key


def _stamp(settings: GatewaySettings) -> _Stamp:
    """Return what changes when a file is replaced or written."""
    stamps: list[tuple[int, int, int]] = []
    for name, path in zip(("tls_cert", "tls_key"), _files(settings), strict=True):
        try:
            found = os.stat(path)
        except OSError as error:
            raise _refuse(name, f"{path} cannot be read: {error.strerror}") from None
        stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(stamps)


def _check_mode(key: Path) -> None:
    try:
        mode = stat.S_IMODE(os.stat(key).st_mode)
    except OSError as error:
        raise _refuse("tls_key", f"{key} cannot be read: {error.strerror}") from None
    # A group of its own for such keys is usual.
    if mode & 0o007:
        raise _refuse("tls_key", f"{key} is open to everybody; do: chmod o= {key}")


def _reason(error: OSError | ValueError) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error.args[0]
    return str(reason).replace("_", " ").rstrip(".").lower()


def _refuse(name: str, text: str) -> ParameterError:
    return ParameterError(f"'{name}': {text}.", field=name)
