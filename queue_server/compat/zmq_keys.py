"""``qserver-zmq-keys``: makes a key pair for an encrypted connection, or finds the public key of a private one.

It stores nothing: what it prints is all there is.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Sequence

import click
import zmq

from queue_server.compat.qserver_parser import HelpWanted, OptionParser
from queue_server.protocol.errors import ParameterError

KEY_LENGTH = 40

_CHARACTERS = frozenset(string.ascii_letters + string.digits + ".-:+=^!/*?&<>()[]{}@%$#")


def main(arguments: Sequence[str] | None = None, *, program: str = "qserver-zmq-keys") -> int:
    """Print a key pair; return 0, or 1 for a private key that is none."""
    parser = OptionParser(prog=program, description="Make a CURVE key pair for the control socket of the manager.")
    parser.add_argument(
        "--zmq-private-key",
        metavar="KEY",
        help="private key whose public key is wanted; after =, as it may begin with -",
    )
    try:
        given = parser.read(sys.argv[1:] if arguments is None else arguments)
        private_key = given.zmq_private_key
        title = "New key pair" if private_key is None else "Key pair of the given private key"
        private_key, public_key = make_keys() if private_key is None else (private_key, find_public_key(private_key))
    except HelpWanted as wanted:
        click.echo(str(wanted))
        return 0
    except ParameterError as error:
        click.echo(f"{program}: {error.message}", err=True)
        return error.exit_code
    click.echo(f"{title} (40 characters of z85 each)")
    click.echo(f" Private key (RE Manager):                 {private_key}")
    click.echo(f" Public key (CLI client or HTTP server):   {public_key}")
    return 0


def make_keys() -> tuple[str, str]:
    """Return a new private key and its public key."""
    public_key, private_key = zmq.curve_keypair()
    return private_key.decode(), public_key.decode()


def find_public_key(private_key: str) -> str:
    """Return the public key of a private one.

    Raises:
        ParameterError: ``private_key`` is none.
    """
    return zmq.curve_public(check_key(private_key, "--zmq-private-key").encode()).decode()


def check_key(key: str, field: str) -> str:
    """Return ``key`` if it has the form of a CURVE key.

    Raises:
        ParameterError: it has another form; the message does not repeat it.
    """
    if len(key) != KEY_LENGTH:
        raise ParameterError(f"'{field}' must be a key of {KEY_LENGTH} characters; this has {len(key)}.", field=field)
    if not _CHARACTERS.issuperset(key):
        raise ParameterError(f"'{field}' has characters that no key has: keys are written in z85.", field=field)
    return key
