"""Writes the same rows as csv, xlsx and ods, and archives that no spreadsheet program writes."""

from __future__ import annotations

import csv
import io
import zipfile
from xml.sax.saxutils import escape, quoteattr

import openpyxl

ODS_START = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0">'
    "<office:body><office:spreadsheet>"
)
ODS_END = "</office:spreadsheet></office:body></office:document-content>"


def make_csv(rows, delimiter=","):
    """The rows as csv."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def make_xlsx(rows, change=None):
    """The rows as xlsx; ``change`` may alter the workbook."""
    book = openpyxl.Workbook(write_only=change is None)
    sheet = book.create_sheet() if change is None else book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(book)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def make_ods(rows):
    """The rows as ods."""
    lines = "".join(f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in rows)
    return make_ods_table(lines)


def make_ods_table(lines):
    """An ods file with this XML in its first sheet."""
    sheet = f'<table:table table:name="Sheet1">{lines}</table:table>'
    return make_zip({"content.xml": f"{ODS_START}{sheet}<table:table/>{ODS_END}"})


def ods_cell(value):
    """The XML of one cell."""
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, bool):
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(value).lower()}"/>'
    if isinstance(value, (int, float)):
        return f'<table:table-cell office:value-type="float" office:value={quoteattr(str(value))}/>'
    return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'


def make_zip(parts, method=zipfile.ZIP_DEFLATED):
    """An archive with these parts."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


def replace_part(data, name, content):
    """An archive with one part exchanged or added."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    return make_zip({**parts, name: content})


FORMATS = {".csv": make_csv, ".xlsx": make_xlsx, ".ods": make_ods}
