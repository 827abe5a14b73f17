"""The parser of options that the stand-ins share, and the option that several of them have. Prints nothing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from queue_server.protocol.codec import Encoding
from queue_server.protocol.errors import ParameterError

ENCODING_NAME = "QSERVER_ZMQ_ENCODING"

_ENCODINGS = ("json", "msgpack")


class HelpWanted(Exception):
    """The command line asks for help, which is the message."""


class OptionParser(argparse.ArgumentParser):
    """A parser that raises what others print before they end the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.add_argument("-h", "--help", action="store_true", help="show this help")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options; they may stand before, between and behind the words.

        Raises:
            HelpWanted: the arguments ask for help.
            ParameterError: the arguments do not fit.
        """
        given = self.parse_intermixed_args(arguments)
        if given.help:
            raise HelpWanted(self.format_help())
        return given

    def error(self, message: str) -> NoReturn:
        """Raise the error that ``message`` describes."""
        raise ParameterError(f"{message[:1].upper()}{message[1:]}.\n{self.format_usage().rstrip()}")


def read_encoding(given: str | None, environ: Mapping[str, str]) -> Encoding:
    """Return the encoding of option or environment, by default JSON.

    Raises:
        ParameterError: it is neither JSON nor msgpack.
    """
    field = "--zmq-encoding" if given else ENCODING_NAME
    encoding = (given or environ.get(ENCODING_NAME) or "json").lower()
    if encoding not in _ENCODINGS:
        raise ParameterError(f"'{field}' must be {' or '.join(_ENCODINGS)}, not {encoding!r}.", field=field)
    return cast("Encoding", encoding)
