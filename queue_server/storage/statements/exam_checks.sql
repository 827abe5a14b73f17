-- Every exam record against its checksum, and the same for a part of a table; as for the other tables in checks.sql.

-- check_exams: check the newest exams.
SELECT count(sound(1, 'exams', checksum, id, place, patient_id, is_template, status, version, creator, created,
    updated, content))
FROM (SELECT * FROM exams ORDER BY place DESC LIMIT ?);

-- check_exam_workflows: check the newest workflows.
SELECT count(sound(1, 'exam_workflows', checksum, id, place, exam_id, is_template, status, version, creator, created,
    updated, content))
FROM (SELECT * FROM exam_workflows ORDER BY place DESC LIMIT ?);

-- check_exam_tasks: check the newest exam tasks.
SELECT count(sound(1, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type, progress,
    position, item_uid, item_state, error_message, version, creator, created, updated, content))
FROM (SELECT * FROM exam_tasks ORDER BY place DESC LIMIT ?);

-- check_exam_results: check the newest results.
SELECT count(sound(1, 'exam_results', checksum, id, place, task_id, type, version, creator, created, updated,
    content))
FROM (SELECT * FROM exam_results ORDER BY place DESC LIMIT ?);

-- check_exam_sequences: check the newest sequences.
SELECT count(sound(1, 'exam_sequences', checksum, id, place, version, creator, created, updated, content))
FROM (SELECT * FROM exam_sequences ORDER BY place DESC LIMIT ?);

-- check_exam_sequence_files: check the files of the newest sequences.
SELECT count(sound(1, 'exam_sequence_files', checksum, sequence_id, seq_file, xml_file))
FROM (SELECT * FROM exam_sequence_files ORDER BY rowid DESC LIMIT ?);

-- check_part_of_exams: check exams, by their place.
SELECT sound(place, 'exams', checksum, id, place, patient_id, is_template, status, version, creator, created, updated,
    content)
FROM exams WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_exam_workflows: check workflows, by their place.
SELECT sound(place, 'exam_workflows', checksum, id, place, exam_id, is_template, status, version, creator, created,
    updated, content)
FROM exam_workflows WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_exam_tasks: check exam tasks, by their place.
SELECT sound(place, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type, progress,
    position, item_uid, item_state, error_message, version, creator, created, updated, content)
FROM exam_tasks WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_exam_results: check results, by their place.
SELECT sound(place, 'exam_results', checksum, id, place, task_id, type, version, creator, created, updated, content)
FROM exam_results WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_exam_sequences: check sequences, by their place.
SELECT sound(place, 'exam_sequences', checksum, id, place, version, creator, created, updated, content)
FROM exam_sequences WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_exam_sequence_files: check files of sequences, by the number of the row.
SELECT sound(rowid, 'exam_sequence_files', checksum, sequence_id, seq_file, xml_file)
FROM exam_sequence_files WHERE rowid > ? ORDER BY rowid LIMIT ?;
