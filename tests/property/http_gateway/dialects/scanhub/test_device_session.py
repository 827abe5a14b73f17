"""Random lives of a device: whatever it sends and whenever, each item ends once, and as done only with its files."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.effects import Effect
from http_gateway.dialects.scanhub.frames import Details, FileTransfer, Ping, Register, StatusData, UpdateStatus
from http_gateway.dialects.scanhub.model import Limits, Timer
from queue_server.protocol.errors import RefusedError
from tests.doubles.device_session import DeviceSession, order_of, token_of
from tests.faults.tiers import rounds
from tests.property.http_gateway.dialects.scanhub.device_world import DeviceWorld, ItemStory

LIMITS = Limits(uploads_per_item=6, uploads_in_check=4, remembered_items=3, upload_bytes=1000, binary_bytes=5000)
SHAS = ("ab" * 32, "cd" * 32)
STATUSES = ("ONLINE", "OFFLINE", "BUSY", "ERROR")
NAMES = ("a.mrd", "b.npy", "..", None)

PICK = st.integers(0, 10_000)


class Life:
    """One device, what watches it, and what it can be told to do; large numbers pick by remainder."""

    def __init__(self) -> None:
        self.session = DeviceSession(LIMITS)
        self.world = DeviceWorld()
        self.made = 0
        self.stored = 0
        self.refused = 0

    @property
    def state(self):
        """That of the session."""
        return self.session.state

    def do(self, event: events.Event) -> tuple[Effect, ...]:
        """Let it happen, checked."""
        before = self.state
        try:
            effects = self.session.do(event)
        except RefusedError:
            assert self.state == before
            self.refused += 1
            return ()
        self.world.watch(event, effects)
        return effects

    def later(self, seconds: float = 0.1) -> float:
        """Let a little time pass."""
        self.session.at += seconds
        return self.session.at

    def items(self) -> list[str]:
        """The uids that the device might name: those it was given, and one that nobody gave it."""
        return [*self.world.items, "nobody's item"]

    def name_item(self, pick: int) -> tuple[str, str]:
        """A uid, mostly that of the newest item, and mostly with its token."""
        items = self.items()
        uid = items[-2] if len(items) > 1 and pick % 3 else items[pick % len(items)]
        return uid, token_of(uid) if pick % 7 else "wrong"

    # --- what can happen -------------------------------------------------------------------------------------------

    def connect(self, pick: int) -> None:
        """Open the next connection, or announce an old one."""
        step = -1 if pick % 11 == 0 and self.session.generation > 1 else 1
        self.do(events.ConnectionOpened(self.later(), self.session.generation + step, "10.0.0.7"))

    def disconnect(self, pick: int) -> None:
        """Lose a connection, mostly the newest."""
        generation = self.session.generation - (pick % 5 == 0)
        self.do(events.ConnectionClosed(self.later(), max(0, generation)))

    def frame(self, frame) -> None:
        """Send a frame."""
        self.do(events.FrameReceived(self.later(), self.session.generation, frame))

    def present(self, pick: int) -> None:
        """Register or ping."""
        self.frame(Ping() if pick % 4 == 0 else Register(data=Details()))

    def tell(self, pick: int) -> None:
        """Tell a status of the device."""
        data = StatusData(error_message=f"error {pick % 3}")
        self.frame(UpdateStatus(status=STATUSES[pick % 4], data=data))  # type: ignore[arg-type]

    def report(self, pick: int) -> None:
        """Tell the status of a scan."""
        uid, token = self.name_item(pick)
        status = ("BUSY", "BUSY", "ONLINE", "ERROR")[pick // 7 % 4]
        data = StatusData(progress=(0, 50, 100)[pick % 3])
        self.frame(UpdateStatus(status=status, data=data, task_id=uid, user_access_token=token))  # type: ignore[arg-type]

    def announce(self, pick: int) -> None:
        """Announce a file."""
        uid, token = self.name_item(pick)
        size_bytes = (0, 10, 10, 2000)[pick // 5 % 4]
        sha256 = (None, *SHAS)[pick % 3]
        name = NAMES[pick % 13 % len(NAMES)]
        self.frame(
            FileTransfer(task_id=uid, user_access_token=token, size_bytes=size_bytes, filename=name, sha256=sha256)
        )

    def deliver(self, pick: int) -> None:
        """Send bytes, mostly those that are missing."""
        upload = self.state.incoming
        missing = 7 if upload is None else upload.file.size_bytes - upload.received
        size_bytes = (missing, missing, 4, missing + 1, 0, 6000)[pick % 6 if pick % 50 else 5]
        self.do(events.BytesReceived(self.later(), self.session.generation, size_bytes))

    def babble(self, pick: int) -> None:
        """Send what is no frame."""
        is_oversize = pick % 40 == 0
        self.do(events.FrameRejected(self.later(), self.session.generation, "x", "y.", is_oversize))

    def work(self, pick: int) -> None:
        """Let the sink get on with one of its files, or fail, or answer about one that is gone."""
        open_ones = [each for each in self.state.uploads if each.stage in ("verifying", "storing", "receiving")]
        if not open_ones or pick % 20 == 0:
            self.do(events.UploadStored(self.later(), self.state.next_upload + 5, "no result"))
            return
        upload = open_ones[pick % len(open_ones)]
        if pick % 9 == 0 or upload.stage == "receiving":
            self.do(events.UploadBroken(self.later(), upload.number, "the disk is full"))
        elif upload.stage == "verifying":
            size_bytes = upload.file.size_bytes - (pick % 8 == 0 and upload.file.size_bytes > 0)
            self.do(events.UploadWritten(self.later(), upload.number, size_bytes, upload.file.sha256 or SHAS[pick % 2]))
        else:
            self.stored += 1
            self.world.files[upload.number].stage = "ended"
            self.do(events.UploadStored(self.later(), upload.number, f"result {self.stored}"))

    def request(self, pick: int) -> None:
        """Ask for a new item, or for one that was there before."""
        uid = self.items()[pick % len(self.items())] if pick % 6 == 0 else f"item {self.made}"
        order = order_of(
            uid,
            expected_uploads=(0, 1, 1, 2)[pick % 4],
            scan_timeout_s=(None, 200.0)[pick % 2],
            upload_grace_s=(0.0, 60.0, 60.0)[pick % 3],
        )
        if uid == f"item {self.made}":
            self.made += 1
        known = self.world.items.get(uid)
        if known is not None and known.outcome and self.state.find(uid) is None:
            # Only the queue remembers items for ever.
            return
        if known is None or (known.sent_on == 0 and not known.outcome and self.state.scan is None):
            self.world.items[uid] = ItemStory(order.expected_uploads)
        self.do(events.DispatchRequested(self.later(), order))

    def record(self, pick: int) -> None:
        """Say that the start is durable, mostly of the item that waits for it."""
        scan = self.state.scan
        uid = "another" if scan is None or pick % 10 == 0 else scan.item_uid
        self.do(events.DispatchRecorded(self.later(), uid))

    def start(self, pick: int) -> None:
        """Bring the device to the beginning of a scan, by the usual way."""
        if self.state.connection is None:
            self.connect(1)
        self.present(1)
        if self.state.faults and self.state.unresolved is None:
            self.do(events.FaultCleared(self.later()))
        self.request(pick)
        self.record(1)
        self.tell(2)

    def upload(self, pick: int) -> None:
        """Deliver a file of the newest item; the sink may get ready with it later."""
        if self.state.connection is None:
            self.connect(1)
        uid = self.items()[-2] if self.world.items else "nobody's item"
        name = f"{pick % 3}.mrd"
        self.frame(FileTransfer(task_id=uid, user_access_token=token_of(uid), size_bytes=10, filename=name))
        self.do(events.BytesReceived(self.later(), self.session.generation, 10))
        for _ in range(pick // 3 % 4):
            self.work(1)

    def come_back(self, pick: int) -> None:
        """Connect again after a loss, as a device does whose scan has gone on."""
        if self.state.unresolved is None:
            return
        self.connect(1)
        self.tell(0)
        self.present(1)
        uid = self.state.unresolved.item_uid
        data = StatusData(progress=100)
        self.frame(UpdateStatus(status="ONLINE", data=data, task_id=uid, user_access_token=token_of(uid)))

    def decide(self, pick: int) -> None:
        """Let a person decide something."""
        scan, unknown = self.state.scan, self.state.unresolved
        uid = scan.item_uid if scan else unknown.item_uid if unknown else "nobody's item"
        at = self.later()
        choices = (
            events.OutcomeResolved(at, uid, "done"),
            events.OutcomeResolved(at, uid, "failed"),
            events.FaultCleared(at),
            events.GivenUp(at, uid),
            events.CancelRequested(at, uid),
            events.AccessRevoked(at, is_forced=bool(pick % 2)),
            events.ConnectionSuperseded(at),
            events.ShutdownRequested(at),
        )
        # The last ones end too much to come often.
        self.do(choices[pick % 8 if pick % 5 == 0 else pick % 3])

    def unsend(self, pick: int) -> None:
        """Say that the start could not leave, as long as that may be true."""
        scan = self.state.scan
        if scan is not None and not scan.progress and not self.world.items[scan.item_uid].is_busy:
            self.do(events.StartUnsent(self.later(), scan.item_uid))

    def wait(self, pick: int) -> None:
        """Let the next deadline pass, or one that nobody waits for."""
        armed = sorted(self.world.armed.items(), key=lambda pair: (pair[1], pair[0].kind, pair[0].key))
        if not armed or pick % 10 == 0:
            self.do(events.TimerPassed(self.later(), Timer("grace", "nobody's item")))
            return
        timer, deadline = armed[0] if pick % 3 else armed[pick % len(armed)]
        self.session.at = max(self.session.at, deadline)
        self.do(events.TimerPassed(self.session.at, timer))

    def check(self) -> None:
        """Check what holds between the steps."""
        scan = self.state.scan
        awaited = [each.number for each in self.state.uploads if each.is_incoming]
        phase = None if scan is None else scan.phase
        self.world.check_rest(phase, scan is not None and scan.callback_ended, awaited)


MOVES = (
    "connect",
    "disconnect",
    "present",
    "tell",
    "report",
    "announce",
    "deliver",
    "babble",
    "work",
    "request",
    "record",
    "start",
    "upload",
    "come_back",
    "decide",
    "unsend",
    "wait",
)


class DeviceLife(RuleBasedStateMachine):
    """Lets hypothesis choose the moves."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()

    @rule(pick=PICK)
    def start(self, pick):
        """The usual way into a scan, without which little would happen."""
        self.life.start(pick)

    @rule(move=st.sampled_from(MOVES), pick=PICK)
    def move(self, move, pick):
        """Anything."""
        getattr(self.life, move)(pick)

    @precondition(lambda self: self.life.state.scan is not None)
    @rule(pick=PICK, moves=st.lists(st.sampled_from(("report", "announce", "deliver", "work")), max_size=6))
    def scan(self, pick, moves):
        """What a scan consists of."""
        for move in moves:
            getattr(self.life, move)(pick)

    @precondition(lambda self: self.life.state.uploads)
    @rule(pick=PICK)
    def work(self, pick):
        """The sink is seldom idle."""
        self.life.work(pick)

    @precondition(lambda self: self.life.state.scan is not None)
    @rule()
    def end_callback(self):
        """The device says that it is idle."""
        self.life.tell(0)

    @invariant()
    def nothing_waits_for_ever(self):
        """Every wait has a deadline."""
        self.life.check()


DeviceLife.TestCase.settings = settings(max_examples=rounds(25, 60), stateful_step_count=40)
TestDeviceLife = DeviceLife.TestCase


def test_random_lives_reach_what_they_are_to_test():
    """Guards the moves above: they must not spend themselves on what changes nothing."""
    chance, reached = random.Random(5), set()
    for _ in range(60):
        life = Life()
        for _ in range(80):
            move = chance.choice((*MOVES, "start", "start", "upload", "work", "tell", "tell"))
            getattr(life, move)(chance.randrange(10_000))
            life.check()
        reached |= {story.outcome for story in life.world.items.values()}
        reached |= {f"{story.resolution} by {story.resolved_by}" for story in life.world.items.values()}
        reached |= {each.stage for each in life.world.files.values()}
        reached |= {"refused"} if life.refused else set()
        reached |= {"two results" for story in life.world.items.values() if len(story.results) > 1}
    assert {"done", "failed", "unknown", "done by person", "failed by person", "done by evidence"} <= reached
    assert {"ended", "broken", "refused", "two results"} <= reached


def test_an_abandoned_device_comes_to_rest():
    """With nobody but time, every active item ends and every upload is given up."""
    chance = random.Random(7)
    for _ in range(40):
        life = Life()
        for _ in range(50):
            getattr(life, chance.choice((*MOVES, "start")))(chance.randrange(10_000))
        while life.state.scan is not None and life.state.scan.phase == "recording":
            life.disconnect(1)
        for upload in [each for each in life.state.uploads if not each.is_incoming]:
            life.do(events.UploadBroken(life.later(), upload.number, "the sink has ended"))
        for _ in range(200):
            if not life.world.armed:
                break
            life.wait(1)
        assert life.world.armed == {}
        assert life.state.scan is None
        assert life.state.uploads == ()
        assert life.state.connection is None
