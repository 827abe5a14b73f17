"""The modules that configuration files and custom routers name; they stand for parts of Cuelight's gateway."""

from __future__ import annotations

from cuelight_compat import refuse_stock_packages

refuse_stock_packages()
