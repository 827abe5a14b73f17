"""The boundary to code that the profile brings: whatever it raises leaves here as a ProfileError.

Nothing else in this package catches exceptions of profile code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device_worker.excerpt import format_user_traceback
from device_worker.profile.errors import ProfileError

_OWN_DIRECTORY = str(Path(__file__).parent)


@contextmanager
def profile_code(action: str) -> Iterator[None]:
    """Translate what profile code raises inside the block; ``action`` says what was tried.

    ``sys.exit()`` in startup code counts as a failure; Ctrl-C passes.

    Raises:
        ProfileError: with the traceback from the first frame outside this package.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        reason = str(error) or type(error).__name__
        raise ProfileError(f"{action}: {reason}", format_traceback(error)) from error


def format_traceback(error: BaseException) -> str:
    """Return the formatted traceback of an error, without the frames that led into the profile's code."""
    return format_user_traceback(error, _is_ours)


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OWN_DIRECTORY, "<frozen importlib")) or "/importlib/" in filename
