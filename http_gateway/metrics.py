"""What a process of the gateway counts for Prometheus: requests, readers of the stream, round trips to the manager."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.link import Caller
from http_gateway.middleware import Application, Message, Receive, Send
from http_gateway.routes import Route
from queue_server.client.channel import ControlChannel
from queue_server.client.keys import CurveKeys
from queue_server.protocol.errors import CuelightError

METRICS_SCOPE = "admin:metrics"
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Anything else that a client invents would be a series of its own.
_VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The series of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cuelight_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._requests: dict[tuple[str, str, int], Counter] = {}
        self.in_flight = Gauge("cuelight_http_requests_in_flight", "Requests under way.", registry=self.registry)
        self.durations = Histogram(
            "cuelight_http_request_seconds", "Time to answer.", buckets=_BUCKETS_S, registry=self.registry
        )
        self.stream_readers = Gauge(
            "cuelight_stream_readers", "Readers of the stream.", ["transport"], registry=self.registry
        )
        self.stream_dropped = Counter(
            "cuelight_stream_dropped", "Frames that slow readers have lost.", ["topic"], registry=self.registry
        )
        self.stream_cut = Counter(
            "cuelight_stream_cut", "Readers that were cut off.", ["reason"], registry=self.registry
        )
        self.round_trips = Histogram(
            "cuelight_manager_round_trip_seconds",
            "Time until the manager has answered.",
            ["outcome"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def count(self, verb: str, template: str, status: int) -> None:
        """Count an answered request."""
        key = (verb, template, status)
        known = self._requests.get(key)
        if known is None:
            known = self._requests[key] = self.requests.labels(verb, template, str(status))
        known.inc()


def metrics_of(connection: HTTPConnection) -> Metrics:
    """Return the series of the application."""
    metrics: Metrics = connection.app.state.metrics
    return metrics


class MeasuredChannel(ControlChannel):
    """A connection to the manager that measures its round trips."""

    def __init__(self, address: str, keys: CurveKeys | None, metrics: Metrics) -> None:
        super().__init__(address, keys)
        self._metrics = metrics

    async def ask(self, data: bytes, timeout_s: float = 2.0, *, urgent: bool = False) -> bytes:
        """Send a request and return the frame of the reply; raises as the connection does."""
        started_s, outcome = time.perf_counter(), "answered"
        try:
            return await super().ask(data, timeout_s, urgent=urgent)
        except CuelightError as error:
            outcome = error.code
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            self._metrics.round_trips.labels(outcome).observe(time.perf_counter() - started_s)


class MeasuredRequests:
    """Wraps the application and counts requests by the template of their route, never by their path."""

    def __init__(self, application: Application, metrics: Metrics) -> None:
        self._application = application
        self._metrics = metrics

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started_s = time.perf_counter()
        try:
            with self._metrics.in_flight.track_inprogress():
                await self._application(scope, receive, note)
        finally:
            verb = scope["method"] if scope["method"] in _VERBS else "other"
            self._metrics.count(verb, _template_of(scope), status)
            self._metrics.durations.observe(time.perf_counter() - started_s)


def _template_of(scope: MutableMapping[str, Any]) -> str:
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def metrics_routes(*, public: bool) -> tuple[Route, ...]:
    """Return the route of the metrics: for the scope ``admin:metrics``, or for everybody who can reach the gateway."""
    scope = PUBLIC if public else METRICS_SCOPE
    summary = "Figures for Prometheus, of this process."
    return (Route(verb="GET", path="/metrics", scope=scope, handler=_tell_metrics, summary=summary),)


async def _tell_metrics(request: Request, caller: Caller) -> Response:
    data = generate_latest(metrics_of(request).registry)
    return Response(data, media_type=CONTENT_TYPE_LATEST)
