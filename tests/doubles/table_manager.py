"""A manager that answers requests from a table: real sockets, no state, no store."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import zmq

from queue_server.protocol.codec import Encoding, decode, encode
from queue_server.protocol.notices import frame_notice


class TableManager:
    """A control socket and a notices socket in a thread.

    ``answers[method]`` is called with the parameters and returns the reply, or None to stay silent. ``requests``
    holds what arrived, in order.
    """

    def __init__(self, control="tcp://127.0.0.1:*"):
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {"ping": lambda _: {"msg": "here"}}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.encodings: list[Encoding] = []
        self._encoding: Encoding = "json"
        self._asking = b""
        self._silenced = defaultdict(list)
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(control)
        self._publisher = self._context.socket(zmq.XPUB)
        self._publisher.bind("tcp://127.0.0.1:*")
        self.control = _address_of(self._router)
        self.info = _address_of(self._publisher)
        self._thread = threading.Thread(target=self._serve, name="table-manager")
        self._thread.start()

    def stop(self):
        """Close the sockets and end the thread."""
        self._context.term()
        self._thread.join()

    # --- for answers, which run in the thread ------------------------------------------------------------------

    def await_subscriber(self):
        """Wait until one topic has been subscribed to; the end of a subscription is passed over."""
        while not self._publisher.recv().startswith(b"\1"):
            pass

    def publish(self, topic, payload):
        """Send a notice."""
        self._publisher.send_multipart(frame_notice(topic, payload))

    def publish_frames(self, *frames):
        """Send frames as they are."""
        self._publisher.send_multipart(list(frames))

    def answer_silenced(self, method, **fields):
        """Send the replies to all requests of that method that got none."""
        for identity, request in self._silenced.pop(method, []):
            self._reply(identity, request, {"success": True, "msg": "late", **fields})

    def send_stray(self, identifier):
        """Send the asking client a reply to some other request."""
        self._router.send_multipart([self._asking, encode({"success": True, "msg": "stray", "id": identifier})])

    # --- the thread -------------------------------------------------------------------------------------------

    def _serve(self):
        try:
            while True:
                identity, *_, data = self._router.recv_multipart()
                self._handle(identity, data)
        except zmq.ContextTerminated:
            pass
        finally:
            self._router.close(linger=0)
            self._publisher.close(linger=0)

    def _handle(self, identity, data):
        request, self._encoding = decode(data)
        self._asking = identity
        self.requests.append((request["method"], request["params"]))
        self.encodings.append(self._encoding)
        reply = self.answers[request["method"]](request["params"])
        if reply is None:
            self._silenced[request["method"]].append((identity, request))
        else:
            self._reply(identity, request, reply)

    def _reply(self, identity, request, reply):
        with_id = {"id": request["id"], **reply}
        if with_id["id"] is None:
            del with_id["id"]
        self._router.send_multipart([identity, encode(with_id, self._encoding)])


def _address_of(socket):
    address = socket.getsockopt(zmq.LAST_ENDPOINT)
    return address.decode().rstrip("\0")
