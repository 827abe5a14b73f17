"""What the routes of this dialect share as long as the application lives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.requests import Request

from http_gateway.auth.tokens import find_keys
from http_gateway.dialects.ica.page_tokens import PageTokens
from http_gateway.dialects.ica.pipelines import Pipelines
from http_gateway.routes import Services


@dataclass(frozen=True, slots=True)
class IcaService:
    """The tokens of pages, and what is known of pipelines."""

    tokens: PageTokens
    pipelines: Pipelines = field(default_factory=Pipelines)


def service_of(request: Request) -> IcaService:
    """Return what the routes share."""
    service: IcaService = request.app.state.ica
    return service


async def open_batches(app: FastAPI, services: Services) -> None:
    """Make ready what the routes need; the secrets are those that sign access tokens, so all gateways share them.

    Raises:
        ParameterError: the file with the secrets cannot be used.
    """
    settings = services.settings
    secrets = await asyncio.to_thread(find_keys, settings.authentication, settings.data)
    app.state.ica = IcaService(PageTokens(secrets))
