"""The screen of queue-monitor, driven with mouse and keyboard: `program CONTROL INFO [PICTURES]` over 0MQ,
`program URI KEYFILE [PICTURES]` over HTTP.

It runs the application's own `main` without a display, finds the widgets by the texts that a person reads, and prints
one JSON object at the end: journey to "done", to the traceback, or to "not reached". With a directory PICTURES it
leaves a picture of the window there after each journey.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from bluesky_widgets.apps.queue_monitor import main as application
from bluesky_widgets.apps.queue_monitor.widgets import QtRunEngineManager_Editor, QtRunEngineManager_Monitor
from bluesky_widgets.qt import run_engine_client as parts
from qtpy import QtTest
from qtpy.QtCore import QElapsedTimer, QPoint, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QTableWidget,
    QTabWidget,
    QTextEdit,
)

PATIENCE_MS = 60_000
LOOK_AGAIN_MS = 10
LEFT = Qt.MouseButton.LeftButton
NAME = "BlueSky Queue Monitor"

# The type stubs do not know that these are static methods.
hand: Any = QtTest.QTest


class Screen:
    """The window, and what a person does with it."""

    def __init__(self, window, printed, user):
        self.window = window
        self.user = user
        self.tabs = window.findChild(QTabWidget)
        self.monitor = window.findChild(QtRunEngineManager_Monitor)
        self.editor = window.findChild(QtRunEngineManager_Editor)
        self._printed = printed
        # The application asks for the status once per second; the journeys would spend most of their time waiting.
        self.part(parts.QtReManagerConnection, self.monitor).update_period = 0.1

    # --- looking ---------------------------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], object], what: str):
        """Let the application work until the condition holds."""
        clock = QElapsedTimer()
        clock.start()
        while not condition():
            if clock.elapsed() > PATIENCE_MS:
                raise AssertionError(f"never seen: {what}\nprinted:\n{self._printed.getvalue()}")
            hand.qWait(LOOK_AGAIN_MS)

    def wait_equal(self, look: Callable[[], object], expected):
        """Let the application work until ``look`` finds what is expected."""
        clock = QElapsedTimer()
        clock.start()
        while (found := look()) != expected:
            if clock.elapsed() > PATIENCE_MS:
                raise AssertionError(f"found {found!r}, expected {expected!r}\nprinted:\n{self._printed.getvalue()}")
            hand.qWait(LOOK_AGAIN_MS)

    def wait_printed(self, text):
        """Wait until the application prints a text; return all that it has printed since this was last asked."""
        self.wait(lambda: text in self._printed.getvalue(), text)
        return self.printed()

    def printed(self):
        """Return what the application has printed since this was last asked."""
        text = self._printed.getvalue()
        self._printed.seek(0)
        self._printed.truncate()
        return text

    def part(self, kind, tab=None):
        """Return the only widget of a kind on a tab."""
        [found] = (tab or self.editor).findChildren(kind)
        return found

    def labels(self, tab=None):
        """Return the values of the status box by their headings."""
        texts = [label.text() for label in self.part(parts.QtReStatusMonitor, tab).findChildren(QLabel)]
        return {heading: value for heading, _, value in (text.partition(": ") for text in texts)}

    def wait_labels(self, **expected):
        """Wait for values of the status box; underscores stand for spaces."""
        named = {name.replace("_", " "): value for name, value in expected.items()}
        self.wait_equal(lambda: {name: self.labels()[name] for name in named}, named)

    def rows(self, kind, tab=None):
        """Return the texts of the table of queue or history."""
        table = self.part(kind, tab).findChild(parts.QueueTableWidget)
        columns = range(table.columnCount())
        return [tuple(cell(table, row, column) for column in columns) for row in range(table.rowCount())]

    def queue(self):
        """Return the numbers by which the plans of the queue are told apart, and the names of other items."""
        return [number_of(row[2]) or row[1] for row in self.rows(parts.QtRePlanQueue)]

    def statuses(self):
        """Return the outcomes in the history."""
        return [row[2] for row in self.rows(parts.QtRePlanHistory)]

    def running(self):
        """Return the text about the running plan."""
        return self.part(parts.QtReRunningPlan).findChild(QTextEdit).toPlainText()

    def console(self):
        """Return the console output that is shown."""
        return self.part(parts.QtReConsoleMonitor, self.monitor).findChild(QTextEdit).toPlainText()

    def picture(self, file):
        """Save what is on the screen, once the console is drawn again."""
        console = self.part(parts.QtReConsoleMonitor, self.monitor).findChild(QTextEdit)
        self.wait(console.updatesEnabled, "the console")
        assert self.window.grab().save(str(file))

    # --- doing -----------------------------------------------------------------------------------------------------

    def show_tab(self, title, tabs=None):
        """Click on a tab."""
        tabs = tabs or self.tabs
        [index] = [number for number in range(tabs.count()) if tabs.tabText(number) == title]
        hand.mouseClick(tabs.tabBar(), LEFT, pos=tabs.tabBar().tabRect(index).center())
        assert tabs.currentIndex() == index

    def button(self, kind, text, tab=None):
        """Return a button that can be seen."""
        buttons = self.part(kind, tab).findChildren(QAbstractButton)
        [found] = [button for button in buttons if button.text() == text and button.isVisible()]
        return found

    def click(self, kind, text, tab=None):
        """Click on a button as soon as it is enabled."""
        button = self.button(kind, text, tab)
        self.wait(button.isEnabled, f"the button {text!r} enabled")
        near_the_left = QPoint(10, button.height() // 2)
        hand.mouseClick(button, LEFT, pos=near_the_left)

    def select(self, kind, first, last=None):
        """Click on a row of queue or history, and on another one with the shift key."""
        table = self.part(kind).findChild(parts.QueueTableWidget)
        click_cell(table, first, 1)
        if last is not None:
            click_cell(table, last, 1, Qt.KeyboardModifier.ShiftModifier)

    def show_editor(self, title):
        """Show the viewer or the editor of plans."""
        self.show_tab(title, self.part(parts.QtRePlanEditor).findChild(QTabWidget))

    def parameters(self):
        """Return the visible table of parameters."""
        tables = self.part(parts.QtRePlanEditor).findChildren(QTableWidget)
        [found] = [table for table in tables if table.isVisible()]
        return found

    def choose(self, name):
        """Choose a plan from the list."""
        [combo] = [combo for combo in self.part(parts.QtRePlanEditor).findChildren(QComboBox) if combo.isVisible()]
        self.wait(lambda: combo.findText(name) >= 0, f"the plan {name!r} in the list")
        combo.showPopup()
        view = combo.view()
        index = view.model().index(combo.findText(name), 0)
        view.scrollTo(index)
        view.setCurrentIndex(index)
        hand.keyClick(view, Qt.Key.Key_Return)
        self.wait_equal(combo.currentText, name)

    def fill(self, **values):
        """Write values into the table of parameters, as Python literals."""
        table = self.parameters()
        names = [cell(table, row, 0) for row in range(table.rowCount())]
        for name, value in values.items():
            row = names.index(name)
            if table.item(row, 1).checkState() != Qt.CheckState.Checked:
                hand.mouseClick(table.viewport(), LEFT, pos=place(table, row, 1).topLeft() + QPoint(10, 12))
                assert table.item(row, 1).checkState() == Qt.CheckState.Checked, f"the box of {name}"
            click_cell(table, row, 2)
            hand.mouseDClick(table.viewport(), LEFT, pos=place(table, row, 2).center())
            [line] = table.findChildren(QLineEdit)
            line.selectAll()
            hand.keyClicks(line, value)
            hand.keyClick(line, Qt.Key.Key_Return)
            self.wait(lambda: not table.findChildren(QLineEdit), f"the end of editing {name}")
            assert cell(table, row, 2) == value, name

    def write_plan(self, name, **values):
        """Fill the plan editor, and order to add the plan."""
        self.show_editor("Plan Editor")
        self.choose(name)
        self.fill(**values)
        self.click(parts.QtRePlanEditor, "Add to Queue")

    def add(self, *numbers, **values):
        """Add plans `count` that are told apart by the number of their readings."""
        for number in numbers:
            before = len(self.queue())
            self.write_plan("count", detectors="['det1']", num=str(number), **values)
            self.wait(lambda before=before: len(self.queue()) == before + 1, f"plan {number} in the queue")

    def clear(self, kind, text):
        """Press a button that empties a table, if there is something in it."""
        if self.rows(kind):
            self.click(kind, text)
            self.wait_equal(lambda: self.rows(kind), [])


def cell(table, row, column):
    item = table.item(row, column)
    return item.text() if item else ""


def place(table, row, column):
    table.scrollToItem(table.item(row, column))
    return table.visualItemRect(table.item(row, column))


def click_cell(table, row, column, modifier=Qt.KeyboardModifier.NoModifier):
    hand.mouseClick(table.viewport(), LEFT, modifier, place(table, row, column).center())


def number_of(parameters):
    return int(parameters.partition("num: ")[2].partition(",")[0] or 0)


# --- journeys --------------------------------------------------------------------------------------------------------


def connect(screen):
    screen.show_tab("Monitor Queue")
    connection = screen.part(parts.QtReManagerConnection, screen.monitor).findChild(QLabel)
    screen.wait_equal(connection.text, "-----")
    screen.click(parts.QtReManagerConnection, "Connect", screen.monitor)
    screen.wait_equal(connection.text, "ONLINE")
    screen.click(parts.QtReManagerConnection, "Disconnect", screen.monitor)
    screen.wait_equal(connection.text, "-----")
    screen.click(parts.QtReManagerConnection, "Connect", screen.monitor)
    screen.wait_equal(connection.text, "ONLINE")
    screen.wait_equal(
        lambda: screen.labels(screen.monitor),
        {
            "RE Environment": "CLOSED",
            "Manager state": "IDLE",
            "RE state": "-",
            "Items in history": "0",
            "Items in queue": "0",
            "Queue AUTOSTART": "OFF",
            "Queue STOP pending": "NO",
            "Queue LOOP mode": "OFF",
        },
    )


def open_environment(screen):
    screen.show_tab("Edit and Control Queue")
    screen.click(parts.QtReEnvironmentControls, "Open")
    screen.wait_labels(RE_Environment="OPEN", Manager_state="IDLE", RE_state="IDLE")
    assert not screen.button(parts.QtReEnvironmentControls, "Open").isEnabled()
    assert not screen.button(parts.QtReExecutionControls, "Ctrl-C").isEnabled(), "there is no IPython kernel"
    screen.show_tab("Monitor Queue")
    screen.wait(lambda: "RE Environment is ready" in screen.console(), "the open environment on the console")


def describe_plans(screen):
    screen.show_tab("Edit and Control Queue")
    screen.show_editor("Plan Editor")
    [combo] = [combo for combo in screen.part(parts.QtRePlanEditor).findChildren(QComboBox) if combo.isVisible()]
    listed = [combo.itemText(index) for index in range(combo.count())]
    assert {"count", "scan", "rel_scan", "grid_scan"} <= set(listed), listed
    screen.choose("scan")
    table = screen.parameters()
    names = [cell(table, row, 0) for row in range(table.rowCount())]
    assert names == ["detectors", "*args", "num", "per_step", "md"], names
    assert cell(table, names.index("num"), 2) == "None (default)"
    for row in range(len(names)):
        assert "not found" not in table.item(row, 2).toolTip(), names[row]
    assert "Scan over one multi-motor trajectory" in combo.toolTip(), combo.toolTip()


def add_plans(screen):
    screen.write_plan("count", detectors="['det1', 'det2']", num="3", delay="0.01")
    row = ("P", "count", "detectors: ['det1', 'det2'], num: 3, delay: 0.01", screen.user, "primary")
    screen.wait_equal(lambda: screen.rows(parts.QtRePlanQueue), [row])
    screen.wait_equal(lambda: screen.rows(parts.QtRePlanQueue, screen.monitor), [row])
    screen.wait_labels(Items_in_queue="1")
    screen.write_plan("scan", detectors="['det1']", **{"*args": "['motor', -1, 1]"}, num="5")
    screen.wait_equal(
        lambda: screen.rows(parts.QtRePlanQueue)[1:],
        [("P", "scan", "detectors: ['det1'], args: ('motor', -1, 1), num: 5", screen.user, "primary")],
    )


def refuse_plans(screen):
    screen.printed()
    screen.write_plan("count", detectors="['det1']", num="'three'")
    said = screen.wait_printed("Exception: Failed to add item to the queue")
    assert "num" in said, said
    screen.click(parts.QtRePlanEditor, "Cancel")
    screen.wait_labels(Items_in_queue="2")


def run_queue(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.add(40, delay="0.2")
    screen.click(parts.QtReQueueControls, "Start")
    screen.wait_labels(Manager_state="EXECUTING_QUEUE", RE_state="RUNNING")
    screen.wait(lambda: "Plan Name: count" in screen.running(), "the running plan")
    screen.wait(lambda: "In progress" in screen.running(), "the open run")
    assert "num: 40" in screen.running(), screen.running()
    screen.wait_equal(lambda: screen.statuses(), ["completed"])
    screen.wait_labels(Manager_state="IDLE", Items_in_queue="0", Items_in_history="1")
    screen.wait_equal(lambda: screen.running(), "")
    screen.show_tab("Monitor Queue")
    screen.wait(lambda: "generator count" in screen.console(), "the live table")
    screen.show_tab("Edit and Control Queue")


def pause_and_resume(screen):
    screen.add(60, delay="0.5")
    screen.click(parts.QtReQueueControls, "Start")
    screen.wait(lambda: "In progress" in screen.running(), "the open run")
    screen.click(parts.QtReExecutionControls, "Pause: Immediate")
    screen.wait_labels(Manager_state="PAUSED", RE_state="PAUSED")
    screen.click(parts.QtReExecutionControls, "Resume")
    screen.wait_labels(Manager_state="EXECUTING_QUEUE", RE_state="RUNNING")
    screen.click(parts.QtReExecutionControls, "Pause: Deferred")
    screen.wait_labels(Manager_state="PAUSED", RE_state="PAUSED")
    screen.click(parts.QtReExecutionControls, "Stop")
    screen.wait_labels(Manager_state="IDLE", RE_state="IDLE")
    screen.wait_equal(lambda: screen.statuses()[-1], "stopped")
    screen.wait_equal(lambda: screen.queue(), [])


def abort_and_halt(screen):
    for button, outcome in (("Abort", "aborted"), ("Halt", "halted")):
        screen.clear(parts.QtRePlanQueue, "Clear")
        screen.add(60, delay="0.5")
        screen.click(parts.QtReQueueControls, "Start")
        screen.wait(lambda: "In progress" in screen.running(), "the open run")
        screen.click(parts.QtReExecutionControls, "Pause: Immediate")
        screen.wait_labels(Manager_state="PAUSED")
        screen.click(parts.QtReExecutionControls, button)
        screen.wait_labels(Manager_state="IDLE", RE_state="IDLE")
        screen.wait_equal(lambda: screen.statuses()[-1], outcome)
        screen.wait_equal(lambda: screen.queue(), [60])


def edit_queue(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.add(1, 2, 3, 4)
    screen.wait_equal(lambda: screen.queue(), [1, 2, 3, 4])
    for first, last, button, expected in (
        (2, None, "Up", [1, 3, 2, 4]),
        (1, None, "Down", [1, 2, 3, 4]),
        (3, None, "Top", [4, 1, 2, 3]),
        (0, None, "Bottom", [1, 2, 3, 4]),
        (2, 3, "Top", [3, 4, 1, 2]),
        (0, 1, "Down", [1, 3, 4, 2]),
        (1, 2, "Duplicate", [1, 3, 4, 3, 4, 2]),
        (3, 5, "Delete", [1, 3, 4]),
        (0, None, "Duplicate", [1, 1, 3, 4]),
    ):
        screen.select(parts.QtRePlanQueue, first, last)
        screen.click(parts.QtRePlanQueue, button)
        screen.wait_equal(lambda: screen.queue(), expected)
    screen.click(parts.QtRePlanQueue, "Deselect")
    screen.click(parts.QtRePlanQueue, "Clear")
    screen.wait_equal(lambda: screen.queue(), [])
    screen.wait_labels(Items_in_queue="0")


def edit_items(screen):
    screen.add(1, 2)
    table = screen.part(parts.QtRePlanQueue).findChild(parts.QueueTableWidget)
    click_cell(table, 0, 1)
    hand.mouseDClick(table.viewport(), LEFT, pos=place(table, 0, 1).center())
    screen.wait(lambda: screen.button(parts.QtRePlanEditor, "Save").isEnabled(), "the item in the editor")
    screen.fill(num="7")
    screen.click(parts.QtRePlanEditor, "Save")
    screen.wait_equal(lambda: screen.queue(), [7, 2])
    screen.show_editor("Plan Viewer")
    screen.select(parts.QtRePlanQueue, 1)
    screen.click(parts.QtRePlanEditor, "Copy to Queue")
    screen.wait_equal(lambda: screen.queue(), [7, 2, 2])


def add_instruction(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.add(1)
    screen.show_editor("Plan Editor")
    screen.click(parts.QtRePlanEditor, "Instruction")
    screen.choose("queue_stop")
    screen.click(parts.QtRePlanEditor, "Add to Queue")
    screen.wait_equal(lambda: screen.queue(), [1, "queue_stop"])
    screen.show_editor("Plan Editor")
    screen.click(parts.QtRePlanEditor, "Plan")
    screen.add(2)
    screen.clear(parts.QtRePlanHistory, "Clear History")
    screen.click(parts.QtReQueueControls, "Start")
    screen.wait_equal(lambda: screen.statuses(), ["completed"])
    screen.wait_labels(Manager_state="IDLE")
    screen.wait_equal(lambda: screen.queue(), [2])


def loop_queue(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.clear(parts.QtRePlanHistory, "Clear History")
    screen.click(parts.QtRePlanQueue, "Loop")
    screen.wait_labels(Queue_LOOP_mode="ON")
    screen.add(5, delay="0.1")
    screen.click(parts.QtReQueueControls, "Start")
    screen.wait(lambda: len(screen.statuses()) >= 2, "two rounds")
    screen.click(parts.QtReQueueControls, "Stop")
    screen.wait_labels(Manager_state="IDLE")
    screen.wait_equal(lambda: screen.queue(), [5])
    assert set(screen.statuses()) == {"completed"}
    screen.click(parts.QtRePlanQueue, "Loop")
    screen.wait_labels(Queue_LOOP_mode="OFF")


def stop_and_go_on(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.add(40, delay="0.5")
    screen.click(parts.QtReQueueControls, "Start")
    screen.click(parts.QtReQueueControls, "Stop")
    screen.wait_labels(Queue_STOP_pending="YES")
    screen.click(parts.QtReQueueControls, "Stop")
    screen.wait_labels(Queue_STOP_pending="NO")
    screen.click(parts.QtReRunningPlan, "Copy to Queue")
    screen.wait_equal(lambda: screen.queue(), [40])
    screen.click(parts.QtReExecutionControls, "Pause: Immediate")
    screen.click(parts.QtReExecutionControls, "Stop")
    screen.wait_labels(Manager_state="IDLE")


def copy_from_history(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.clear(parts.QtRePlanHistory, "Clear History")
    screen.wait_labels(Items_in_history="0")
    screen.add(1, 2)
    screen.click(parts.QtReQueueControls, "Start")
    screen.wait_equal(lambda: screen.statuses(), ["completed", "completed"])
    screen.wait_labels(Manager_state="IDLE")
    screen.select(parts.QtRePlanHistory, 0, 1)
    screen.click(parts.QtRePlanHistory, "Copy to Queue")
    screen.wait_equal(lambda: screen.queue(), [1, 2])


def start_by_itself(screen):
    screen.clear(parts.QtRePlanQueue, "Clear")
    screen.clear(parts.QtRePlanHistory, "Clear History")
    screen.click(parts.QtReQueueControls, "Auto")
    screen.wait_labels(Queue_AUTOSTART="ON")
    screen.write_plan("count", detectors="['det1']", num="1")
    screen.wait_equal(lambda: screen.statuses(), ["completed"])
    screen.wait_labels(Manager_state="IDLE")
    screen.click(parts.QtReQueueControls, "Auto")
    screen.wait_labels(Queue_AUTOSTART="OFF")


def update_environment(screen):
    ended = screen.console().count("The task ended")
    screen.click(parts.QtReRunningPlan, "Update Environment")
    screen.wait(lambda: screen.console().count("The task ended") > ended, "the end of the update on the console")
    screen.wait_labels(Manager_state="IDLE", RE_state="IDLE")


def close_environment(screen):
    screen.click(parts.QtReEnvironmentControls, "Close")
    screen.wait_labels(RE_Environment="CLOSED", Manager_state="IDLE", RE_state="-")


def destroy_environment(screen):
    screen.click(parts.QtReEnvironmentControls, "Open")
    screen.wait_labels(RE_Environment="OPEN", Manager_state="IDLE")
    assert not screen.button(parts.QtReEnvironmentControls, "Destroy").isEnabled()
    menu = screen.window.menuBar().actions()[0].menu()
    QTimer.singleShot(0, lambda: hand.keyClick(menu, Qt.Key.Key_Return))
    menu.setActiveAction(menu.actions()[0])
    menu.exec_()
    screen.click(parts.QtReEnvironmentControls, "Destroy")
    screen.wait_labels(RE_Environment="CLOSED", Manager_state="IDLE")


JOURNEYS = [
    connect,
    open_environment,
    describe_plans,
    add_plans,
    refuse_plans,
    run_queue,
    pause_and_resume,
    abort_and_halt,
    edit_queue,
    edit_items,
    add_instruction,
    update_environment,
    loop_queue,
    stop_and_go_on,
    copy_from_history,
    start_by_itself,
    close_environment,
    destroy_environment,
]


def travel(printed, pictures, user):
    """Make the journeys in their order; the first one that fails ends the trip."""
    outcomes = dict.fromkeys((journey.__name__ for journey in JOURNEYS), "not reached")
    [window] = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMainWindow)]
    screen = Screen(window, printed, user)
    for number, journey in enumerate(JOURNEYS):
        clock = QElapsedTimer()
        clock.start()
        try:
            journey(screen)
            said = screen.printed()
            assert "Exception" not in said, said
            assert "Failed" not in said, said
        except Exception:  # noqa: BLE001
            outcomes[journey.__name__] = traceback.format_exc()
        else:
            outcomes[journey.__name__] = "done"
        if pictures:
            screen.picture(pictures / f"{number:02}-{journey.__name__}.png")
            sys.stderr.write(f"{journey.__name__}: {clock.elapsed()} ms\n")
        if outcomes[journey.__name__] != "done":
            break
    return outcomes


def run(address, companion, pictures=None):
    """Run the application until the journeys have ended, and print what became of them."""
    is_http = address.startswith("http")
    names = ("--http-server-uri", "--http-server-keyfile") if is_http else ("--zmq-control-addr", "--zmq-info-addr")
    # A gateway knows itself who asks.
    user = "UNAUTHENTICATED_SINGLE_USER" if is_http else "GUI Client"
    printed, output = io.StringIO(), sys.stdout
    # The application starts the event loop itself if it finds its own name here.
    app = QApplication([NAME])  # noqa: F841 - it lives as long as this name

    def drive():
        outcomes = travel(printed, Path(pictures) if pictures else None, user)
        output.write(json.dumps(outcomes) + "\n")
        output.flush()
        # The application's end waits for the thread of its console, which waits for the next line.
        os._exit(0)

    QTimer.singleShot(0, drive)
    with redirect_stdout(printed):
        application.main([names[0], address, names[1], companion])


if __name__ == "__main__":
    run(*sys.argv[1:])
