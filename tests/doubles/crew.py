"""The engine's ports as a journal: whatever is ordered or told is noted in one list, in order."""

from __future__ import annotations


class RecordingHost:
    """Starts and kills nothing."""

    def __init__(self, journal):
        self._journal = journal

    def start(self, lane, incarnation):
        """Note the start of a worker."""
        self._journal.append(("start", lane, incarnation))

    def kill(self, lane, incarnation):
        """Note the end of a worker."""
        self._journal.append(("kill", lane, incarnation))


class RecordingLink:
    """Reaches nobody."""

    def __init__(self, journal):
        self._journal = journal

    def send(self, incarnation, message):
        """Note a message to a worker."""
        self._journal.append(("send", incarnation, message))

    def acknowledge(self, incarnation, number):
        """Note an acknowledgement."""
        self._journal.append(("acknowledge", incarnation, number))

    def forget(self, incarnation):
        """Note that a worker is gone."""
        self._journal.append(("forget", incarnation))


class RecordingPublisher:
    """Publishes nothing; ``breaks_at`` names a kind of event that cannot be published."""

    def __init__(self, journal):
        self._journal = journal
        self.breaks_at = None

    def publish_status(self, status):
        """Note a status."""
        self._journal.append(("status", status))

    def publish_event(self, event):
        """Note an event."""
        if event.kind == self.breaks_at:
            raise OverflowError("a number that the encoding does not know")
        self._journal.append(("event", event))

    def publish_console(self, time, text):
        """Note a chunk of output."""
        self._journal.append(("console", time, text))

    def publish_progress(self, payload):
        """Note a progress."""
        self._journal.append(("progress", payload))


class RecordingLiveness:
    """Watches nobody."""

    def __init__(self, journal):
        self._journal = journal

    def expect(self, lane, incarnation):
        """Note that a worker is to be watched."""
        self._journal.append(("expect", lane, incarnation))

    def beat(self, lane, incarnation, main_thread_age_s):
        """Note a heartbeat."""
        self._journal.append(("beat", lane, incarnation, main_thread_age_s))

    def forget(self, incarnation):
        """Note that a worker is not watched any more."""
        self._journal.append(("unwatch", incarnation))
