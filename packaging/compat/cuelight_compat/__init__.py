"""The stand-ins for bluesky-queueserver and bluesky-httpserver: refuses to stand beside what it stands for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

STOCK_PACKAGES = ("bluesky-queueserver", "bluesky-httpserver")


class StockPackageError(ImportError):
    """A package is installed whose names this distribution has too."""


def refuse_stock_packages() -> None:
    """Make sure that nothing has the names of this distribution but itself.

    Raises:
        StockPackageError: a stock package is installed; the message says what to do.
    """
    found = [name for name in STOCK_PACKAGES if _is_installed(name)]
    if found:
        names = " and ".join(found)
        raise StockPackageError(
            f"cuelight-compat takes the place of {names}, and both are installed in this environment. "
            f"Keep one: 'pip uninstall {' '.join(found)}' and then 'pip install --force-reinstall --no-deps "
            "cuelight-compat', or 'pip uninstall cuelight-compat'."
        )


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
