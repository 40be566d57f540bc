-- Five questions, in words that DuckDB and ClickHouse both know, to the views of duckdb.sql or clickhouse.sql.

-- grown: which function grew most between 1.39 and 1.40 over all edges, in points of all CPU time?
SELECT function, 100 * sum(CASE WHEN version = '1.40.0' THEN self_share ELSE -self_share END) AS grown
FROM by_version
WHERE service = 'edge' AND event = 'cpu-clock' AND version IN ('1.39.0', '1.40.0')
GROUP BY function ORDER BY grown DESC, function LIMIT 10;

-- self: where is 1.40 at work?
SELECT function, self
FROM by_version
WHERE service = 'edge' AND event = 'cpu-clock' AND version = '1.40.0' AND self > 0
ORDER BY self DESC, function;

-- total: and with all that is called from there?
SELECT function, total
FROM by_version
WHERE service = 'edge' AND event = 'cpu-clock' AND version = '1.40.0'
ORDER BY total DESC, function;

-- thread: which threads did the work of 1.39?
SELECT thread, sum(weight) AS weight
FROM weights
WHERE service = 'edge' AND event = 'cpu-clock' AND version = '1.39.0'
GROUP BY thread ORDER BY weight DESC, thread;

-- file: which source files was one pod at work in, on one morning?
SELECT filename, sum(weight) AS weight
FROM self_time
WHERE service = 'edge' AND event = 'cpu-clock' AND pod = 'edge-1400-07'
    AND time >= '2026-11-16 00:30:00' AND time < '2026-11-16 02:30:00'
GROUP BY filename ORDER BY weight DESC, filename;
