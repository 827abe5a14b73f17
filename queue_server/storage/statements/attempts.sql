-- Attempts: what is claimed, how far it is, and how it ended.

-- select_open_in_lane: find the open attempt of a lane.
SELECT 1 FROM attempts WHERE lane = ? AND phase <> 'finished';

-- select_next_number: give the next attempt of a submission its number.
SELECT coalesce(max(number), 0) + 1 FROM attempts WHERE submission = ?;

-- run_item: take the head of a queue out of it.
UPDATE items SET state = 'running', position = NULL, attempt = ? WHERE uid = ?;

-- insert_attempt: open an attempt.
INSERT INTO attempts (submission, number, item_uid, lane, epoch, phase, time_start)
VALUES (?, ?, ?, ?, ?, 'dispatched', ?);

-- select_open: find an open attempt by its whole fencing token.
SELECT 1 FROM attempts
WHERE submission = ? AND number = ? AND item_uid = ? AND lane = ? AND epoch = ? AND phase <> 'finished';

-- update_phase: record how far an attempt is.
UPDATE attempts SET phase = ? WHERE submission = ? AND number = ?;

-- insert_run: record a run of an attempt, once.
INSERT INTO runs (submission, attempt, uid, scan_id, is_open, exit_status) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (submission, attempt, uid) DO NOTHING;

-- close_run: record the end of a run.
UPDATE runs SET is_open = 0, exit_status = ? WHERE submission = ? AND attempt = ? AND uid = ?;

-- end_attempt: record the outcome of an attempt.
UPDATE attempts SET phase = 'finished', outcome = ? WHERE submission = ? AND number = ?;

-- take_history_number: give the next finished item its number.
UPDATE meta SET finished = finished + 1 RETURNING finished;

-- finish_item: make the running item an entry of the history.
UPDATE items SET state = 'finished', number = ?, result = ? WHERE uid = ?;

-- select_running: read the items whose attempts are open, with the attempts.
SELECT items.uid, items.lane, items.submission, content, state, attempt, reason, epoch, phase, time_start
FROM attempts JOIN items ON items.uid = attempts.item_uid
WHERE phase <> 'finished' ORDER BY attempts.lane;

-- select_runs: read the runs of an attempt in the order of opening.
SELECT uid, scan_id, is_open, exit_status FROM runs WHERE submission = ? AND attempt = ? ORDER BY place;
