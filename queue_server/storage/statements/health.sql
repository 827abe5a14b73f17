-- clock_steps: where the newest events go back in time by more than ?1 seconds: number, time, by how much
SELECT seq, time, previous - time
FROM (
    SELECT seq, time, lag(time) OVER (ORDER BY seq) AS previous
    FROM events
    WHERE seq > (SELECT coalesce(max(seq), 0) - 100000 FROM events)
)
WHERE previous - time > ?1
ORDER BY seq DESC
LIMIT 10;

-- newest_event: when the newest event was written
SELECT time FROM events ORDER BY seq DESC LIMIT 1;

-- left_in_order: whether the last user of the data has left them in order
SELECT closed FROM meta;
