"""The native face below ``/v1``."""

from __future__ import annotations

from http_gateway.problem import render_problem
from http_gateway.routes import Face

FACE = Face("native", "/v1", render_problem)
