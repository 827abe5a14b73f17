"""Spreadsheets as lists of plans: reads csv, xlsx and ods as data. Knows no HTTP and evaluates nothing."""
