"""A TCP proxy that delays what passes and cuts connections, as a bad network does. It looks at no content."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress

CHUNK_BYTES = 4096
LONGEST_DELAY_S = 0.05


class LossyProxy:
    """Listens on a free port of this host; of the chunks that pass, ``share`` are held up or end their connection."""

    def __init__(self, target: str, share: float, seed: int) -> None:
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._share = share
        self._chance = random.Random(seed)
        self.delays = self.cuts = 0
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._listening.wait(10)

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(60)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        self._pairs: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._listening.set()
        await self._ended.wait()
        server.close()
        for pair in list(self._pairs):
            pair.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        task.add_done_callback(self._pairs.discard)
        with suppress(OSError):
            near, far = await asyncio.open_connection(*self._target)
            try:
                ways = [asyncio.create_task(self._pass(*way)) for way in ((reader, far), (near, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            finally:
                # A reset, not an orderly end: what is under way is lost.
                far.transport.abort()
                writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._chance.random() < self._share:
                    if self._chance.random() < 0.5:
                        self.cuts += 1
                        return
                    self.delays += 1
                    await asyncio.sleep(self._chance.uniform(0, LONGEST_DELAY_S))
                writer.write(data)
                await writer.drain()
