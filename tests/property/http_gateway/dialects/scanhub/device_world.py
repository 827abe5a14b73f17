"""What must be true of all that a device session orders, told from its events and effects alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from http_gateway.dialects.scanhub import effects as orders
from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.frames import UpdateStatus
from http_gateway.dialects.scanhub.model import Timer
from tests.doubles.device_session import token_of


@dataclass
class ItemStory:
    """What was seen of one item."""

    expected: int
    sent_on: int = 0
    is_busy: bool = False
    has_ended_callback: bool = False
    outcome: str = ""
    resolution: str = ""
    resolved_by: str = ""
    results: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


@dataclass
class FileStory:
    """What was seen of one upload that was opened."""

    item: str
    size_bytes: int
    appended: int = 0
    stage: str = "open"


class DeviceWorld:
    """Watches a session, and knows nothing of its state."""

    def __init__(self) -> None:
        self.items: dict[str, ItemStory] = {}
        self.files: dict[int, FileStory] = {}
        self.closed: set[int] = set()
        self.active: str | None = None
        self.armed: dict[Timer, float] = {}
        self.generation = 0
        self.is_connected = False
        self.is_scanning = False
        self.complaints = 0

    # --- what happens ------------------------------------------------------------------------------------------------

    def watch(self, event: events.Event, effects: tuple[orders.Effect, ...]) -> None:
        """Take note of a step; fail if it must not be."""
        self._see(event)
        for effect in effects:
            self._check(effect, event.at)

    def _see(self, event: events.Event) -> None:
        match event:
            case events.ConnectionOpened(generation=generation) if generation > self.generation:
                self.generation, self.is_connected, self.is_scanning = generation, True, False
                self.closed |= set(range(1, generation))
            case events.ConnectionClosed(generation=generation):
                self._gone(generation)
            case events.FrameReceived(generation=generation, frame=UpdateStatus() as frame):
                if generation == self.generation and self.is_connected:
                    self._hear(frame)
            case events.TimerPassed(timer=timer):
                self.armed.pop(timer, None)
            case events.UploadBroken(upload=upload) if upload in self.files:
                self.files[upload].stage = "broken" if self.files[upload].stage != "ended" else "ended"
            case _:
                pass

    def _gone(self, generation: int) -> None:
        self.closed.add(generation)
        if generation == self.generation:
            self.is_connected = self.is_scanning = False

    def _hear(self, frame: UpdateStatus) -> None:
        story = self.items.get(self.active or "")
        is_general = frame.task_id is None and frame.user_access_token is None
        is_own = self.active is not None and (frame.task_id, frame.user_access_token) == (
            self.active,
            token_of(self.active),
        )
        if frame.status == "BUSY" and story and (is_general or is_own):
            story.is_busy = True
        if frame.status == "ONLINE" and is_general and (story is None or story.is_busy):
            self.is_scanning = False
            if story:
                story.has_ended_callback = True
        if frame.status == "ERROR" and (is_general or is_own or self._is_of_ended(frame)):
            self.is_scanning = False

    def _is_of_ended(self, frame: UpdateStatus) -> bool:
        return self.active is None and frame.task_id in self.items and frame.user_access_token is not None

    # --- what is ordered ---------------------------------------------------------------------------------------------

    def _check(self, effect: orders.Effect, at: float) -> None:
        match effect:
            case orders.SetTimer(timer, after_s):
                assert after_s >= 0
                self.armed[timer] = at + after_s
            case orders.CancelTimer(timer):
                self.armed.pop(timer, None)
            case orders.SendFrame(generation, frame):
                self._check_frame(generation, frame.command)
            case orders.SendStart(generation, item):
                self._check_start(generation, item)
            case orders.CloseConnection(generation):
                self._gone(generation)
            case _:
                self._check_report(effect)

    def _check_frame(self, generation: int, command: str) -> None:
        assert generation not in self.closed, "a frame after the close"
        assert self.is_connected
        if not self.is_scanning or command == "pong":
            return
        assert command == "error", f"{command} while the device scans"
        self.complaints += 1
        assert self.complaints <= 8, "the ninth error while the device scans"

    def _check_start(self, generation: int, item: str) -> None:
        assert generation not in self.closed, "a start after the close"
        assert self.active is None, f"{item} starts while {self.active} is active"
        story = self.items[item]
        assert story.sent_on == 0, "the same item is sent twice"
        assert not any(each.outcome == "unknown" and not each.resolution for each in self.items.values())
        story.sent_on, self.active = generation, item
        self.is_scanning, self.complaints = True, 0

    def _check_report(self, effect: orders.Effect) -> None:
        match effect:
            case orders.ReportReturned(item):
                story = self.items[item]
                assert not story.outcome
                assert not story.is_busy, "an item is returned that the device has"
                story.sent_on, self.active, self.is_scanning = 0, None, False
            case orders.ReportOutcome(item, outcome):
                self._check_outcome(item, outcome)
            case orders.ReportResolved(item, outcome, by):
                self._check_resolution(item, outcome, by)
            case orders.ReportUpload(item, name, result_id):
                self.items[item].results.add(result_id)
                self.items[item].missing.discard(name)
            case orders.ReportUploadFailed(item, name):
                self.items[item].missing.add(name)
            case _:
                self._check_sink(effect)

    def _check_outcome(self, item: str, outcome: str) -> None:
        story = self.items[item]
        assert not story.outcome, f"{item} has ended twice"
        assert item == self.active, "an item ends that is not active"
        story.outcome, self.active = outcome, None
        if outcome == "done":
            assert story.is_busy
            assert story.has_ended_callback, "done before the end of the callback"
            assert self._has_all_files(item), "done without its files"

    def _check_resolution(self, item: str, outcome: str, by: str) -> None:
        story = self.items[item]
        assert story.outcome == "unknown", "only an unknown item can be resolved"
        assert not story.resolution, f"{item} is resolved twice"
        story.resolution, story.resolved_by = outcome, by
        if by == "evidence":
            assert outcome == "done"
            assert self.generation > story.sent_on, "evidence on the connection that was lost"
            assert self._has_all_files(item), "resolved without its files"

    def _has_all_files(self, item: str) -> bool:
        story = self.items[item]
        return not self._has_open_file(item) and not story.missing and len(story.results) >= story.expected

    def _has_open_file(self, item: str | None) -> bool:
        return any(each.item == item and each.stage not in ("ended", "broken") for each in self.files.values())

    def _check_sink(self, effect: orders.Effect) -> None:
        match effect:
            case orders.OpenUpload(upload, item, file):
                assert upload not in self.files
                assert self.items[item].sent_on
                self.files[upload] = FileStory(item, file.size_bytes)
            case orders.AppendUpload(upload, size_bytes):
                assert self.files[upload].stage == "open"
                self.files[upload].appended += size_bytes
            case orders.FinishUpload(upload):
                story = self.files[upload]
                assert story.stage == "open"
                assert story.appended == story.size_bytes
                story.stage = "finished"
            case orders.StoreUpload(upload):
                assert self.files[upload].stage == "finished"
                self.files[upload].stage = "storing"
            case orders.DiscardUpload(upload):
                assert self.files[upload].stage in ("open", "finished")
                self.files[upload].stage = "ended"
            case _:
                pass

    # --- what must hold between the steps -----------------------------------------------------------------------------

    def check_rest(self, phase: str | None, has_ended_callback: bool, awaited: list[int]) -> None:
        """Fail if something is waited for that no deadline ends."""
        kinds = {timer.kind for timer in self.armed}
        assert not self.is_connected or Timer("liveness", str(self.generation)) in self.armed
        assert phase != "dispatched" or "acknowledgement" in kinds
        assert not awaited or "upload_idle" in kinds
        if has_ended_callback:
            is_over = self._has_open_file(self.active) or Timer("grace", str(self.active)) in self.armed
            assert is_over, "nothing ends the wait for files"
        assert self.active is None or not self.items[self.active].outcome
