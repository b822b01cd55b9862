-- SPDX-License-Identifier: GPL-2.0-only
-- Faults, their outcomes, and the list of countermeasures (133).

-- Faults come in batches, as arrays. The order is the same at every center, so that two of
-- them never wait for each other in a ring.
-- name: boot_insert
INSERT INTO boot (gateway, id)
SELECT DISTINCT gateway, id
FROM unnest($1::text[], $2::text[]) AS given (gateway, id)
WHERE NOT EXISTS (SELECT FROM boot WHERE boot.gateway = given.gateway AND boot.id = given.id)
ORDER BY gateway, id
ON CONFLICT DO NOTHING;

-- A row for each that was given: its place, its boot, and whether it is this statement that
-- stored it.
-- name: fault_insert
WITH given AS (
	SELECT boot.key AS boot, i.*
	FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
		$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[],
		$13::text[], $14::text[]) WITH ORDINALITY
		AS i (gateway, id, number, received, time, kind, application, version, "group",
			data, countermeasure, policy_version, decided_by, decided_why, place)
	JOIN boot ON boot.gateway = i.gateway AND boot.id = i.id
), fresh AS (
	INSERT INTO fault (boot, number, received, time, kind, application, version, "group",
		data, countermeasure, policy_version, decided_by, decided_why)
	SELECT DISTINCT ON (boot, number) boot, number, received, time, kind, application,
		version, "group", data, countermeasure, policy_version, decided_by, decided_why
	FROM given
	ORDER BY boot, number, place
	ON CONFLICT (boot, number) DO NOTHING
	RETURNING boot, number
)
SELECT place - 1, given.boot, (fresh.boot IS NOT NULL
	AND place = min(place) OVER (PARTITION BY given.boot, given.number))::int
FROM given
LEFT JOIN fresh ON fresh.boot = given.boot AND fresh.number = given.number;

-- name: boot_find
SELECT key FROM boot WHERE gateway = $1 AND id = $2;

-- What was answered when the fault came for the first time.
-- name: fault_answer
SELECT countermeasure, policy_version
FROM fault
WHERE boot = $1 AND number = $2;

-- name: fault_overdue
UPDATE fault SET decided_by = 'gateway', decided_why = $3
WHERE boot = $1 AND number = $2;

-- name: fault_key
SELECT fault.key
FROM boot JOIN fault ON fault.boot = boot.key
WHERE boot.gateway = $1 AND boot.id = $2 AND fault.number = $3;

-- name: outcome_put
INSERT INTO outcome (fault, received, action, result, duration_ms, detail, loop, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (fault) DO UPDATE
SET received = excluded.received, action = excluded.action, result = excluded.result,
	duration_ms = excluded.duration_ms, detail = excluded.detail, loop = excluded.loop,
	data = excluded.data;

-- Of one gateway, the newest first. A number grows with each fault of a boot.
-- name: faults_of_gateway
SELECT summary
FROM report
WHERE gateway = $1
ORDER BY boot DESC, number DESC
LIMIT $2;

-- Of all gateways, or of one ($1), of one kind and those below it ($2), of one application ($4),
-- the newest first.
-- name: faults
SELECT summary
FROM report
WHERE ($1::text IS NULL OR gateway = $1)
	AND ($2::text IS NULL OR kind = $2 OR substr(kind, 1, length($2) + 1) = $2 || '.')
	AND ($4::text IS NULL OR application = $4)
ORDER BY key DESC
LIMIT $3;

-- With all its data; $3 narrows to a gateway.
-- name: fault_show
SELECT summary, data, outcome_data
FROM report
WHERE boot_id = $1 AND number = $2 AND ($3::text IS NULL OR gateway = $3);

-- name: policy_version
SELECT version FROM policy;

-- Since a time in ms, newest first: what a new entry could match.
-- name: faults_since
SELECT summary
FROM report
WHERE received >= $1
ORDER BY key DESC
LIMIT $2;

-- name: countermeasures
SELECT json_build_object(
	'kind', kind, 'application', application, 'version', version, 'group', "group",
	'action', action, 'attempts', attempts, 'window_s', window_s,
	'backoff_ms', backoff_ms, 'then', "then", 'healthy_s', healthy_s,
	'parameters', (CASE parameters WHEN '' THEN '{}' ELSE parameters END)::json, 'decide', decide)
FROM countermeasure
ORDER BY kind, application, version, "group";

-- The whole list with its version, in one statement so that they belong together.
-- name: countermeasures_document
SELECT json_build_object('policy_version', (SELECT version FROM policy),
	'serial', (SELECT serial FROM policy WHERE signed_version = version),
	'signature', (SELECT signature FROM policy WHERE signed_version = version),
	'countermeasures', coalesce(json_agg(json_build_object(
	'kind', kind, 'application', application, 'version', version, 'group', "group",
	'action', action, 'attempts', attempts, 'window_s', window_s,
	'backoff_ms', backoff_ms, 'then', "then", 'healthy_s', healthy_s,
	'parameters', (CASE parameters WHEN '' THEN '{}' ELSE parameters END)::json, 'decide', decide)
	ORDER BY key), '[]'))
FROM countermeasure;

-- The list as it is now is signed.
-- name: policy_sign
UPDATE policy SET signed_version = version, serial = $1, signature = $2;

-- A version of its own for a signature alone, so that gateways fetch it.
-- name: policy_raise
UPDATE policy SET version = version + 1;

-- name: countermeasure_find
SELECT json_build_object(
	'kind', kind, 'application', application, 'version', version, 'group', "group",
	'action', action, 'attempts', attempts, 'window_s', window_s,
	'backoff_ms', backoff_ms, 'then', "then", 'healthy_s', healthy_s,
	'parameters', (CASE parameters WHEN '' THEN '{}' ELSE parameters END)::json, 'decide', decide)
FROM countermeasure
WHERE kind = $1 AND application = $2 AND version = $3 AND "group" = $4;

-- name: countermeasure_put
INSERT INTO countermeasure AS c (kind, application, version, "group", action, attempts,
	window_s, backoff_ms, "then", parameters, healthy_s, decide)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (kind, application, version, "group") DO UPDATE
SET action = excluded.action, attempts = excluded.attempts,
	window_s = excluded.window_s, backoff_ms = excluded.backoff_ms,
	"then" = excluded."then", parameters = excluded.parameters,
	healthy_s = excluded.healthy_s, decide = excluded.decide
WHERE c.action <> excluded.action OR c.attempts <> excluded.attempts
	OR c.window_s <> excluded.window_s OR c.backoff_ms <> excluded.backoff_ms
	OR c."then" <> excluded."then" OR c.parameters <> excluded.parameters
	OR c.healthy_s <> excluded.healthy_s OR c.decide <> excluded.decide;

-- name: countermeasure_delete
DELETE FROM countermeasure
WHERE kind = $1 AND application = $2 AND version = $3 AND "group" = $4;

-- name: change_insert
INSERT INTO change (version, time, author, reason, undoes, before, after)
VALUES ($1, $2, $3, $4, nullif($5::bigint, 0), $6, $7);

-- The change of a version; of version 0 the last that is neither an undoing nor undone.
-- name: change_find
SELECT json_build_object('policy_version', version, 'before', before::json, 'after', after::json)
FROM change
WHERE version = $1 OR ($1::bigint = 0 AND undoes IS NULL AND version NOT IN
	(SELECT undoes FROM change WHERE undoes IS NOT NULL))
ORDER BY version DESC
LIMIT 1;

-- name: changes
SELECT json_build_object('policy_version', version, 'time', moment(time),
	'author', author, 'reason', reason, 'undoes', undoes,
	'change', CASE WHEN undoes IS NOT NULL THEN 'undo of ' || undoes WHEN before = 'null' THEN 'added'
		WHEN after = 'null' THEN 'removed' ELSE 'changed' END,
	'kind', (CASE after WHEN 'null' THEN before ELSE after END)::json ->> 'kind',
	'before', before::json, 'after', after::json)
FROM change
ORDER BY version DESC
LIMIT $1;

-- Changes with every fault that comes in, and with the outcomes of the newest, whichever center has them.
-- The highest key does not tell: one that was given before it may be committed after it.
-- name: faults_mark
SELECT newest * 1021 + (SELECT count(*) FROM fault WHERE key > newest - 4096)
	+ (SELECT count(*) FROM outcome WHERE outcome.fault > newest - 4096)
FROM (SELECT coalesce(max(key), 0) AS newest FROM fault) AS last;

-- What a gateway's faults take of the disk, about.
-- name: faults_bytes
SELECT coalesce(sum(512 + pg_column_size(fault.data) + coalesce(pg_column_size(outcome.data), 0)), 0)::bigint
FROM boot
JOIN fault ON fault.boot = boot.key
LEFT JOIN outcome ON outcome.fault = fault.key
WHERE boot.gateway = $1;

-- Those received before $1, of one gateway ($2) or of all.
-- name: outcomes_prune
DELETE FROM outcome
WHERE fault IN (SELECT fault.key FROM fault JOIN boot ON boot.key = fault.boot
	WHERE fault.received < $1 AND ($2::text IS NULL OR boot.gateway = $2));

-- name: faults_prune
DELETE FROM fault
WHERE received < $1 AND ($2::text IS NULL OR boot IN (SELECT key FROM boot WHERE gateway = $2));

-- name: token_put
INSERT INTO token (role, name, sha256, added)
VALUES ($1, $2, $3, $4)
ON CONFLICT (role, name) DO UPDATE SET sha256 = excluded.sha256, added = excluded.added;

-- name: token_delete
DELETE FROM token WHERE role = $1 AND name = $2;

-- name: tokens
SELECT json_build_object('role', role, 'name', name, 'sha256', sha256,
	'added', moment(added))
FROM token
ORDER BY role, name;

-- name: tokens_mark
SELECT changes FROM token_mark;

-- name: gateway_seen
INSERT INTO gateway AS g (name, seen, address, software, state)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE
SET seen = excluded.seen, address = excluded.address, software = excluded.software,
	state = excluded.state
WHERE excluded.seen > g.seen;

-- name: gateway_known
SELECT 1 FROM gateway WHERE name = $1;

-- name: gateways
SELECT json_build_object('name', name,
	'seen', moment(seen),
	'address', address, 'software', software, 'state', (CASE state WHEN '' THEN 'null' ELSE state END)::json)
FROM gateway
ORDER BY name
LIMIT $1;
