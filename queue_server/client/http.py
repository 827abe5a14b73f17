"""Takes the steps of a client over HTTP: one form blocks, the other awaits. Needs httpx, which is loaded only here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import httpx

from queue_server.client.exchange import REPLY_BOUNDS, Deadline
from queue_server.client.gateway import Gateway
from queue_server.client.http_errors import HTTPConnectError, HTTPRequestError
from queue_server.client.http_exchange import KEY_HEADER, HttpAnswer, HttpRequest
from queue_server.client.http_steps import Renewal, Steps, needs_renewal, refusal_in, renew
from queue_server.protocol.errors import CommunicationError, RequestTimeoutError

T = TypeVar("T")

_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=4)


class BlockingLink:
    """The connections to a gateway, for ordinary Python; several threads may share one."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._client = httpx.Client(
            base_url=gateway.address, limits=_LIMITS, trust_env=not gateway.is_local, verify=gateway.trust() or False
        )
        self._renewing = threading.Lock()

    def run(self, steps: Steps[T]) -> T:
        """Take the steps and return their result.

        Raises:
            HTTPRequestError: no answer came.
            RequestTimeoutError: it did not come in time.
        """
        try:
            step = next(steps)
            while True:
                if isinstance(step, Renewal):
                    self.renew(step)
                    step = next(steps)
                else:
                    step = steps.send(self._send(step))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    def renew(self, renewal: Renewal) -> None:
        """Fetch new tokens, unless another thread has done so meanwhile."""
        with self._renewing:
            if self.gateway.wallet.access_token == renewal.expired:
                self.run(renew(self.gateway.wallet))

    def download(self, request: HttpRequest, write: Callable[[bytes], object]) -> None:
        """Give the body of an answer to ``write``, piece by piece; ``timeout_s`` is how long each piece may take.

        Raises:
            HTTPRequestError, RequestTimeoutError: it did not come, or not to its end.
            HTTPAnswerError, RequestFailedError: the request is refused; nothing was written.
        """
        used = self.gateway.wallet.access_token
        answer = self._try_download(request, write)
        if answer is not None and needs_renewal(answer, self.gateway.wallet, used):
            self.renew(Renewal(used))
            answer = self._try_download(request, write)
        if answer is not None:
            raise refusal_in(answer)

    def _try_download(self, request: HttpRequest, write: Callable[[bytes], object]) -> HttpAnswer | None:
        """Return the answer if it is not what was asked for."""
        headers = {**self.gateway.wallet.headers(), **request.headers}
        with _translating(self.gateway, request):
            _refuse_closed(self._client)
            with self._client.stream(
                request.verb, request.path, headers=headers, timeout=request.timeout_s
            ) as response:
                if response.status_code == 200:
                    for chunk in response.iter_bytes():
                        write(chunk)
                    return None
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    _check(body)
                return _answer(response, bytes(body))

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _send(self, request: HttpRequest) -> HttpAnswer:
        deadline = Deadline(request.timeout_s)
        with _translating(self.gateway, request):
            _refuse_closed(self._client)
            with self._client.stream(
                request.verb,
                request.path,
                headers=dict(request.headers),
                content=request.body,
                timeout=request.timeout_s,
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    _check(body, deadline)
                return _answer(response, bytes(body))


class AsynchronousLink:
    """The connections to a gateway, for asyncio; many tasks of one event loop may share one."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._client = httpx.AsyncClient(
            base_url=gateway.address, limits=_LIMITS, trust_env=not gateway.is_local, verify=gateway.trust() or False
        )
        self._renewing = asyncio.Lock()

    async def run(self, steps: Steps[T]) -> T:
        """Take the steps and return their result.

        Raises:
            HTTPRequestError: no answer came.
            RequestTimeoutError: it did not come in time.
        """
        try:
            step = next(steps)
            while True:
                if isinstance(step, Renewal):
                    await self.renew(step)
                    step = next(steps)
                else:
                    step = steps.send(await self._send(step))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def renew(self, renewal: Renewal) -> None:
        """Fetch new tokens, unless another task has done so meanwhile."""
        async with self._renewing:
            if self.gateway.wallet.access_token == renewal.expired:
                await self.run(renew(self.gateway.wallet))

    async def download(self, request: HttpRequest, write: Callable[[bytes], object]) -> None:
        """Give the body of an answer to ``write``, as the other form does; raises the same."""
        used = self.gateway.wallet.access_token
        answer = await self._try_download(request, write)
        if answer is not None and needs_renewal(answer, self.gateway.wallet, used):
            await self.renew(Renewal(used))
            answer = await self._try_download(request, write)
        if answer is not None:
            raise refusal_in(answer)

    async def _try_download(self, request: HttpRequest, write: Callable[[bytes], object]) -> HttpAnswer | None:
        headers = {**self.gateway.wallet.headers(), **request.headers}
        with _translating(self.gateway, request):
            _refuse_closed(self._client)
            async with self._client.stream(
                request.verb, request.path, headers=headers, timeout=request.timeout_s
            ) as response:
                if response.status_code == 200:
                    async for chunk in response.aiter_bytes():
                        write(chunk)
                    return None
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    _check(body)
                return _answer(response, bytes(body))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _send(self, request: HttpRequest) -> HttpAnswer:
        with _translating(self.gateway, request):
            _refuse_closed(self._client)
            async with (
                asyncio.timeout(request.timeout_s),
                self._client.stream(
                    request.verb,
                    request.path,
                    headers=dict(request.headers),
                    content=request.body,
                    timeout=request.timeout_s,
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    _check(body)
                return _answer(response, bytes(body))


def _answer(response: httpx.Response, body: bytes) -> HttpAnswer:
    headers = response.headers
    return HttpAnswer(response.status_code, headers.get("content-type", ""), body, headers.get("x-request-id", ""))


def _check(body: bytearray, deadline: Deadline | None = None) -> None:
    if len(body) > REPLY_BOUNDS.size_bytes:
        raise HTTPRequestError(f"The answer is larger than {REPLY_BOUNDS.size_bytes} bytes.")
    if deadline is not None and not deadline.left_ms():
        raise TimeoutError


def _refuse_closed(client: httpx.Client | httpx.AsyncClient) -> None:
    if client.is_closed:
        raise CommunicationError("This RunControl is closed; make a new one.")


@contextmanager
def _translating(gateway: Gateway, request: HttpRequest) -> Generator[None]:
    """Turn what httpx raises into our own errors."""
    details = {"address": gateway.address}
    if KEY_HEADER in request.headers:
        details["idempotency_key"] = request.headers[KEY_HEADER]
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise HTTPConnectError(
            f"Nothing answers at {gateway.address} ({error or type(error).__name__}); {request.label} was not sent.",
            details=details,
        ) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise RequestTimeoutError(
            f"The gateway at {gateway.address} did not answer {request.label} within {request.timeout_s:g} s; "
            f"it may still carry the request out.",
            details=details,
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HTTPRequestError(
            f"The connection to {gateway.address} broke during {request.label} ({error or type(error).__name__}); "
            f"it may have been carried out.",
            details=details,
        ) from error
