-- Files that people register or give to groups, and what finds artifacts by everything that names them.

-- insert_files: write a file, behind all others.
INSERT INTO files (place, id, group_id, submission, name, artifact_id, size_bytes, content_type, created, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, row_sum('files', ?1, place, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + 0.0)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM files);

-- select_files_of_group: read the files of a group in order.
SELECT sound(id, 'files', checksum, id, place, group_id, submission, name, artifact_id,
    size_bytes, content_type, created), name, artifact_id, size_bytes, content_type, created
FROM files WHERE group_id = ? ORDER BY place;

-- delete_files_of_group: remove a file of a group.
DELETE FROM files WHERE id = ? AND group_id = ?;

-- delete_files_registered: take back the registration of a file.
DELETE FROM files WHERE id = ? AND group_id IS NULL;

-- count_files_registered: count the files that are registered for a submission, or for none, up to a number.
SELECT count(*) FROM (SELECT 1 FROM files WHERE group_id IS NULL AND submission IS ?1 LIMIT ?2);

-- list_artifact_names: read the newest names before a place.
SELECT place, kind, owner, submission, attempt, item_uid, file, name, artifact_id, size_bytes, content_type, created
FROM artifact_names WHERE place < ?1 AND NOT (kind = 'item' AND EXISTS (SELECT 1 FROM results
    WHERE results.submission = artifact_names.submission AND results.attempt = artifact_names.attempt))
ORDER BY place DESC LIMIT ?2;

-- list_artifact_names_of_artifact: the same of those of an artifact.
SELECT place, kind, owner, submission, attempt, item_uid, file, name, artifact_id, size_bytes, content_type, created
FROM artifact_names WHERE artifact_id = ?3 AND place < ?1 AND NOT (kind = 'item' AND EXISTS (SELECT 1 FROM results
    WHERE results.submission = artifact_names.submission AND results.attempt = artifact_names.attempt))
ORDER BY place DESC LIMIT ?2;

-- list_artifact_names_of_submission: the same of those of a submission.
SELECT place, kind, owner, submission, attempt, item_uid, file, name, artifact_id, size_bytes, content_type, created
FROM artifact_names WHERE submission = ?3 AND submission <> '' AND place < ?1
    AND NOT (kind = 'item' AND EXISTS (SELECT 1 FROM results
    WHERE results.submission = artifact_names.submission AND results.attempt = artifact_names.attempt))
ORDER BY place DESC LIMIT ?2;

-- check_files: check the newest files.
SELECT count(sound(1, 'files', checksum, id, place, group_id, submission, name, artifact_id,
    size_bytes, content_type, created))
FROM (SELECT * FROM files ORDER BY place DESC LIMIT ?);

-- check_part_of_files: check files, by their place.
SELECT sound(place, 'files', checksum, id, place, group_id, submission, name, artifact_id,
    size_bytes, content_type, created)
FROM files WHERE place > ? ORDER BY place LIMIT ?;
