-- Whose data this is, and who opened it when.

-- count_tables: tell an empty database from one with anything in it.
SELECT count(*) FROM sqlite_schema;

-- select_meta: read whose data this is and how they were left.
SELECT instance, epoch, closed FROM meta;

-- insert_meta: give new data their identity.
INSERT INTO meta (one, instance, created, epoch, opened, closed, finished) VALUES (1, ?, ?, 0, ?, 1, 0);

-- open_epoch: begin the next epoch; from now on the log belongs to the data.
UPDATE meta SET epoch = epoch + 1, opened = ?, closed = 0 RETURNING epoch;

-- mark_closed: say that the data are complete without the log.
UPDATE meta SET closed = 1;
