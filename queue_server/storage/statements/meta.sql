-- Whose data this is, and who opened it when.

-- count_tables: tell an empty database from one with anything in it.
SELECT count(*) FROM sqlite_schema;

-- select_meta: read whose data this is and how they were left.
SELECT instance, epoch, closed FROM meta;

-- insert_meta: give new data their identity.
INSERT INTO meta (one, instance, created, epoch, opened, closed, finished, checksum)
VALUES (1, ?1, ?2, 0, ?3, 1, 0, row_sum('meta', ?1, ?2 + 0.0, 0, ?3 + 0.0, 0));

-- open_epoch: begin the next epoch; from now on the log belongs to the data.
UPDATE meta SET epoch = epoch + ?1, opened = ?2, closed = 0, checksum = next_sum('meta', checksum,
    instance, created, epoch, opened, finished,
    instance, created, epoch + ?1, ?2 + 0.0, finished)
RETURNING epoch;

-- mark_closed: say that the data are complete without the log. The mark is not summed, because the refusal of a lost
-- log has it set with another program.
UPDATE meta SET closed = 1;
