-- The index of recorded runs. Those that find return times and places; the rows are read one by one.

-- insert_recording: write a run, once.
INSERT INTO recordings (place, uid, submission, attempt, item_uid, lane, epoch, scan_id, plan_name, file, host,
    time_start, num_events, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, '{}', row_sum('recordings', place, ?1, ?2, ?3, ?4, ?5, ?6,
    ?7, ?8, ?9, ?10, ?11 + 0.0, NULL, NULL, '{}')
FROM (SELECT coalesce((SELECT place FROM recordings ORDER BY place DESC LIMIT 1), 0) + 1 AS place) WHERE true
ON CONFLICT (uid, submission, attempt, file) DO NOTHING;

-- select_open_recording: find the newest run of a uid and an attempt whose end is not known.
SELECT place FROM recordings WHERE uid = ? AND submission = ? AND attempt = ? AND exit_status IS NULL
ORDER BY place DESC LIMIT 1;

-- close_recording: write how a run has ended.
UPDATE recordings SET time_stop = ?1, exit_status = ?2, num_events = ?3, checksum = next_sum('recordings', checksum,
    place, uid, submission, attempt, item_uid, lane, epoch, scan_id, plan_name, file, host, time_start, time_stop,
    exit_status, num_events,
    place, uid, submission, attempt, item_uid, lane, epoch, scan_id, plan_name, file, host, time_start, ?1 + 0.0,
    ?2, ?3)
WHERE place = ?4;

-- select_recording: read a run by its place.
SELECT sound(place, 'recordings', checksum, place, uid, submission, attempt, item_uid, lane, epoch, scan_id, plan_name,
    file, host, time_start, time_stop, exit_status, num_events), uid, item_uid, submission, lane, attempt, epoch,
    time_start, scan_id, plan_name, file, host, exit_status, time_stop, num_events
FROM recordings WHERE place = ?;

-- find_recording: find the newest run of a uid.
SELECT place FROM recordings WHERE uid = ? ORDER BY place DESC LIMIT 1;

-- select_same_recording: tell whether there is a run.
SELECT 1 FROM recordings WHERE uid = ? AND submission = ? AND attempt = ? AND file = ?;

-- find_recordings: find the runs that began before a time and place, but not before a time, newest first.
SELECT time_start, place FROM recordings
WHERE (time_start, place) < (?1, ?2) AND time_start >= ?3 ORDER BY time_start DESC, place DESC LIMIT ?4;

-- find_recordings_of_item: the same of those of an item.
SELECT time_start, place FROM recordings
WHERE (time_start, place) < (?1, ?2) AND time_start >= ?3 AND item_uid = ?5
ORDER BY time_start DESC, place DESC LIMIT ?4;

-- find_recordings_of_submission: the same of those of a submission.
SELECT time_start, place FROM recordings
WHERE (time_start, place) < (?1, ?2) AND time_start >= ?3 AND submission = ?5
ORDER BY time_start DESC, place DESC LIMIT ?4;

-- find_recordings_of_scan: the same of those with a scan id.
SELECT time_start, place FROM recordings
WHERE (time_start, place) < (?1, ?2) AND time_start >= ?3 AND scan_id = ?5
ORDER BY time_start DESC, place DESC LIMIT ?4;

-- find_recordings_of_plan: the same of those of a plan.
SELECT time_start, place FROM recordings
WHERE (time_start, place) < (?1, ?2) AND time_start >= ?3 AND plan_name = ?5
ORDER BY time_start DESC, place DESC LIMIT ?4;

-- find_recordings_of_lane: the same of those of a lane.
SELECT time_start, place FROM recordings
WHERE (time_start, place) < (?1, ?2) AND time_start >= ?3 AND lane = ?5
ORDER BY time_start DESC, place DESC LIMIT ?4;

-- check_recordings: check the newest runs.
SELECT count(sound(1, 'recordings', checksum, place, uid, submission, attempt, item_uid, lane, epoch, scan_id, plan_name,
    file, host, time_start, time_stop, exit_status, num_events))
FROM (SELECT * FROM recordings ORDER BY place DESC LIMIT ?);

-- check_part_of_recordings: check runs, by their place.
SELECT sound(place, 'recordings', checksum, place, uid, submission, attempt, item_uid, lane, epoch, scan_id, plan_name,
    file, host, time_start, time_stop, exit_status, num_events)
FROM recordings WHERE place > ? ORDER BY place LIMIT ?;
