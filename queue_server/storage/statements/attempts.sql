-- Attempts: what is claimed, how far it is, and how it ended.

-- select_open_in_lane: find the open attempt of a lane.
SELECT 1 FROM attempts WHERE lane = ? AND phase <> 'finished';

-- select_next_number: give the next attempt of a submission its number. Results outlive attempts.
SELECT max(coalesce((SELECT max(number) FROM attempts WHERE submission = ?1), 0),
    coalesce((SELECT max(attempt) FROM results WHERE submission = ?1), 0)) + 1;

-- run_item: take the head of a queue out of it.
UPDATE items SET state = 'running', position = NULL, attempt = ?1, checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    uid, lane, submission, 'running', NULL, ?1, reason, content, number, result)
WHERE uid = ?2;

-- insert_attempt: open an attempt.
INSERT INTO attempts (submission, number, item_uid, lane, epoch, phase, time_start, checksum)
VALUES (?1, ?2, ?3, ?4, ?5, 'dispatched', ?6,
    row_sum('attempts', ?1, ?2, ?3, ?4, ?5, 'dispatched', NULL, ?6 + 0.0));

-- select_open: find an open attempt by its whole fencing token.
SELECT sound(1, 'attempts', checksum, submission, number, item_uid, lane, epoch, phase, outcome, time_start) FROM attempts
WHERE submission = ? AND number = ? AND item_uid = ? AND lane = ? AND epoch = ? AND phase <> 'finished';

-- update_phase: record how far an attempt is.
UPDATE attempts SET phase = ?1, checksum = next_sum('attempts', checksum,
    submission, number, item_uid, lane, epoch, phase, outcome, time_start,
    submission, number, item_uid, lane, epoch, ?1, outcome, time_start)
WHERE submission = ?2 AND number = ?3;

-- insert_run: record a run of an attempt, once. For max(place) all runs would be gone through.
INSERT INTO runs (place, submission, attempt, uid, scan_id, is_open, exit_status, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, row_sum('runs', place, ?1, ?2, ?3, ?4, ?5, ?6)
FROM (SELECT coalesce((SELECT place FROM runs ORDER BY place DESC LIMIT 1), 0) + 1 AS place) WHERE true
ON CONFLICT (submission, attempt, uid) DO NOTHING;

-- close_run: record the end of a run.
UPDATE runs SET is_open = 0, exit_status = ?1, checksum = next_sum('runs', checksum,
    place, submission, attempt, uid, scan_id, is_open, exit_status,
    place, submission, attempt, uid, scan_id, 0, ?1)
WHERE submission = ?2 AND attempt = ?3 AND uid = ?4;

-- end_attempt: record the outcome of an attempt.
UPDATE attempts SET phase = 'finished', outcome = ?1, checksum = next_sum('attempts', checksum,
    submission, number, item_uid, lane, epoch, phase, outcome, time_start,
    submission, number, item_uid, lane, epoch, 'finished', ?1, time_start)
WHERE submission = ?2 AND number = ?3;

-- take_history_number: give the next finished item its number.
UPDATE meta SET finished = finished + 1, checksum = next_sum('meta', checksum,
    instance, created, epoch, opened, finished,
    instance, created, epoch, opened, finished + 1)
RETURNING finished;

-- finish_item: make the running item an entry of the history.
UPDATE items SET state = 'finished', number = ?1, result = ?2, checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    uid, lane, submission, 'finished', position, attempt, reason, content, ?1, ?2)
WHERE uid = ?3;

-- select_running: read the items whose attempts are open, with the attempts.
SELECT items.uid, items.lane, items.submission,
    sound(content, 'items', items.checksum, items.uid, items.lane, items.submission, state, position, attempt, reason,
        content, items.number, result),
    state, attempt, reason, epoch,
    sound(phase, 'attempts', attempts.checksum, attempts.submission, attempts.number, item_uid, attempts.lane, epoch,
        phase, outcome, time_start),
    time_start
FROM attempts JOIN items ON items.uid = attempts.item_uid
WHERE phase <> 'finished' ORDER BY attempts.lane;

-- select_runs: read the runs of an attempt in the order of opening.
SELECT sound(uid, 'runs', checksum, place, submission, attempt, uid, scan_id, is_open, exit_status), scan_id, is_open, exit_status
FROM runs WHERE submission = ? AND attempt = ? ORDER BY place;
