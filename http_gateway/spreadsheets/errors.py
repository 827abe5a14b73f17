"""The one error of reading spreadsheets. Its text is for the person who made the file."""

from __future__ import annotations

from queue_server.protocol.errors import CuelightError


class SpreadsheetError(CuelightError):
    """The spreadsheet cannot be converted to a list of plans."""

    code = "spreadsheet"
    http_status = 400
