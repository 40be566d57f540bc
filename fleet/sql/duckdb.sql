-- Views of exported tables for DuckDB. `profiles` is where they are, from where DuckDB runs; a link will do, and so will
-- `sed "s|'profiles/|'s3://bucket/profiles/|"` with DuckDB's httpfs.
--
--     duckdb -init fleet/sql/duckdb.sql -c "FROM by_function ORDER BY self DESC LIMIT 20"
--
-- The same row may stand in several files, and is taken once: a recording counts with the samples in the file of the same name,
-- the first if there are several. Ask for a `date` and a `service`, and the other partitions are not read.

CREATE OR REPLACE VIEW recordings AS
SELECT * EXCLUDE (filename), parse_filename(filename) AS part
FROM read_parquet('profiles/recordings/**/*.parquet', filename = true, hive_partitioning = true,
    hive_types = {'date': DATE, 'service': VARCHAR})
QUALIFY row_number() OVER (PARTITION BY date, service, recording, event ORDER BY part) = 1;

CREATE OR REPLACE VIEW samples AS
SELECT * EXCLUDE (filename), parse_filename(filename) AS part
FROM read_parquet('profiles/samples/**/*.parquet', filename = true, hive_partitioning = true,
    hive_types = {'date': DATE, 'service': VARCHAR});

CREATE OR REPLACE VIEW stacks AS
SELECT id, any_value(frames) AS frames FROM read_parquet('profiles/stacks/**/*.parquet') GROUP BY id;

CREATE OR REPLACE VIEW frames AS
SELECT id, any_value(mapping) AS mapping, any_value(address) AS address, any_value(lines) AS lines
FROM read_parquet('profiles/frames/**/*.parquet') GROUP BY id;

CREATE OR REPLACE VIEW functions AS
SELECT id, any_value(name) AS name, any_value(system_name) AS system_name, any_value(filename) AS filename
FROM read_parquet('profiles/functions/**/*.parquet') GROUP BY id;

CREATE OR REPLACE VIEW mappings AS
SELECT id, min(file) AS file, any_value(build_id) AS build_id
FROM read_parquet('profiles/mappings/**/*.parquet') GROUP BY id;

-- The functions at each frame: `inlined` 1 is the innermost. A frame that has none is called by its binary.
CREATE OR REPLACE VIEW places AS
SELECT line.frame, line.inlined, functions.name AS function, functions.filename, coalesce(mappings.file, '') AS mapping
FROM (SELECT id AS frame, mapping, unnest(lines) AS at, generate_subscripts(lines, 1) AS inlined FROM frames) AS line
JOIN functions ON functions.id = line.at.function
LEFT JOIN mappings ON mappings.id = line.mapping
UNION ALL
SELECT frames.id, 1, '[' || coalesce(mappings.file, 'unknown') || ']', '', coalesce(mappings.file, '')
FROM frames LEFT JOIN mappings ON mappings.id = frames.mapping
WHERE len(lines) = 0;

-- Where each stack is at work, and all functions that are on it, each once.
CREATE OR REPLACE VIEW leaves AS
SELECT stacks.id AS stack, function, filename, mapping
FROM stacks JOIN places ON places.frame = stacks.frames[1] AND inlined = 1;

CREATE OR REPLACE VIEW callers AS
SELECT DISTINCT stack, function
FROM (SELECT id AS stack, unnest(frames) AS frame FROM stacks) JOIN places USING (frame);

-- What was counted, with all that is known of where. Its `time` is in steps of some minutes.
CREATE OR REPLACE VIEW weights AS
SELECT samples.* EXCLUDE (labels, time_bucket, part), host, pod, namespace, node, version, build_id, unit,
    coalesce(time_bucket, start) AS time
FROM samples JOIN recordings USING (date, service, part, recording, event);

CREATE OR REPLACE VIEW self_time AS
SELECT weights.*, function, filename, mapping FROM weights JOIN leaves USING (stack);

CREATE OR REPLACE VIEW total_time AS
SELECT weights.*, function FROM weights JOIN callers USING (stack);

-- Functions of each version: their weight and their share of the version's, alone and with what they call.
CREATE OR REPLACE VIEW by_version AS
WITH
    sums AS (
        SELECT service, version, event, unit, stack, sum(weight)::BIGINT AS weight
        FROM weights GROUP BY service, version, event, unit, stack
    ),
    whole AS (SELECT service, version, event, unit, sum(weight) AS whole FROM sums GROUP BY ALL),
    parts AS (
        SELECT service, version, event, unit, function, weight AS self, 0 AS total FROM sums JOIN leaves USING (stack)
        UNION ALL
        SELECT service, version, event, unit, function, 0, weight FROM sums JOIN callers USING (stack)
    )
SELECT parts.service, parts.version, parts.event, parts.unit, function,
    sum(self)::BIGINT AS self, sum(self) / any_value(whole) AS self_share,
    sum(total)::BIGINT AS total, sum(total) / any_value(whole) AS total_share
FROM parts JOIN whole ON parts.service = whole.service AND parts.event = whole.event AND parts.unit = whole.unit
    AND parts.version IS NOT DISTINCT FROM whole.version
GROUP BY parts.service, parts.version, parts.event, parts.unit, function;

-- Functions of each service, over all versions.
CREATE OR REPLACE VIEW by_function AS
SELECT service, event, unit, function, sum(self)::BIGINT AS self, sum(total)::BIGINT AS total
FROM by_version GROUP BY service, event, unit, function;
