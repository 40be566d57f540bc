-- Views of exported tables for ClickHouse (`clickhouse local`, or a server's user_files). `profiles` is where they are;
-- for a bucket, `sed "s|file('profiles/|s3('https://bucket.s3.amazonaws.com/profiles/|"`.
--
--     clickhouse local --path state --queries-file fleet/sql/clickhouse.sql
--     clickhouse local --path state --query "SELECT * FROM by_function ORDER BY self DESC LIMIT 20"
--
-- The same row may stand in several files, and is taken once: a recording counts with the samples in the file of the same name,
-- the first if there are several.

CREATE OR REPLACE VIEW recordings AS
SELECT *, _file AS part FROM file('profiles/recordings/**/*.parquet', Parquet)
ORDER BY _file LIMIT 1 BY date, service, recording, event SETTINGS use_hive_partitioning = 1;

CREATE OR REPLACE VIEW samples AS
SELECT *, _file AS part FROM file('profiles/samples/**/*.parquet', Parquet) SETTINGS use_hive_partitioning = 1;

CREATE OR REPLACE VIEW stacks AS
SELECT id, any(t.frames) AS frames FROM file('profiles/stacks/**/*.parquet', Parquet) AS t GROUP BY id;

CREATE OR REPLACE VIEW frames AS
SELECT id, any(t.mapping) AS mapping, any(t.address) AS address, any(t.lines) AS lines
FROM file('profiles/frames/**/*.parquet', Parquet) AS t GROUP BY id;

CREATE OR REPLACE VIEW functions AS
SELECT id, any(t.name) AS name, any(t.system_name) AS system_name, any(t.filename) AS filename
FROM file('profiles/functions/**/*.parquet', Parquet) AS t GROUP BY id;

CREATE OR REPLACE VIEW mappings AS
SELECT id, min(t.file) AS file, any(t.build_id) AS build_id
FROM file('profiles/mappings/**/*.parquet', Parquet) AS t GROUP BY id;

-- The functions at each frame: `inlined` 1 is the innermost. A frame that has none is called by its binary.
CREATE OR REPLACE VIEW places AS
SELECT line.frame AS frame, line.inlined AS inlined, functions.name AS function, functions.filename AS filename,
    mappings.file AS mapping
FROM (
    SELECT id AS frame, mapping, at.1 AS called, inlined FROM frames ARRAY JOIN lines AS at, arrayEnumerate(lines) AS inlined
) AS line
JOIN functions ON functions.id = line.called
LEFT JOIN mappings ON mappings.id = line.mapping
UNION ALL
SELECT frames.id, 1, concat('[', if(mappings.file = '', 'unknown', mappings.file), ']'), '', mappings.file
FROM frames LEFT JOIN mappings ON mappings.id = frames.mapping
WHERE empty(lines);

-- Where each stack is at work, and all functions that are on it, each once.
CREATE OR REPLACE VIEW leaves AS
SELECT stacks.id AS stack, function, filename, mapping
FROM (SELECT id, frames[1] AS frame FROM stacks) AS stacks
JOIN (SELECT * FROM places WHERE inlined = 1) AS places ON places.frame = stacks.frame;

CREATE OR REPLACE VIEW callers AS
SELECT DISTINCT stack, function
FROM (SELECT id AS stack, arrayJoin(frames) AS frame FROM stacks) AS stacks JOIN places ON places.frame = stacks.frame;

-- What was counted, with all that is known of where. Its `time` is in steps of some minutes.
CREATE OR REPLACE VIEW weights AS
SELECT samples.* EXCEPT (labels, time_bucket, part), r.host AS host, r.pod AS pod, r.namespace AS namespace, r.node AS node,
    r.version AS version, r.build_id AS build_id, r.unit AS unit, coalesce(samples.time_bucket, r.start) AS time
FROM samples
JOIN recordings AS r ON r.date = samples.date AND r.service = samples.service AND r.part = samples.part
    AND r.recording = samples.recording AND r.event = samples.event;

CREATE OR REPLACE VIEW self_time AS
SELECT weights.*, function, filename, mapping FROM weights JOIN leaves ON leaves.stack = weights.stack;

CREATE OR REPLACE VIEW total_time AS
SELECT weights.*, function FROM weights JOIN callers ON callers.stack = weights.stack;

-- Functions of each version: their weight and their share of the version's, alone and with what they call.
CREATE OR REPLACE VIEW by_version AS
WITH
    sums AS (SELECT service, version, event, unit, stack, sum(w.weight) AS weight FROM weights AS w GROUP BY ALL)
SELECT service, version, event, unit, function, sum(alone) AS self, self / max(whole) AS self_share,
    sum(called) AS total, total / max(whole) AS total_share
FROM (
    SELECT service, version, event, unit, function, weight AS alone, 0 AS called FROM sums JOIN leaves USING (stack)
    UNION ALL
    SELECT service, version, event, unit, function, 0, weight FROM sums JOIN callers USING (stack)
) AS parts
JOIN (SELECT service, version, event, unit, sum(weight) AS whole FROM sums GROUP BY ALL) AS wholes
    USING (service, version, event, unit)
GROUP BY ALL;

-- Functions of each service, over all versions.
CREATE OR REPLACE VIEW by_function AS
SELECT service, event, unit, function, sum(v.self) AS self, sum(v.total) AS total
FROM by_version AS v GROUP BY ALL;
