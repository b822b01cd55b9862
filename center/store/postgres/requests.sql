-- SPDX-License-Identifier: GPL-2.0-only
-- Services that gateways run by request of the center.

-- name: request_insert
INSERT INTO request (id, gateway, "group", service, author, reason, asked, not_after, state, changed)
VALUES ($1, $2, '', $3, $4, $5, $6, $7, 'waiting', $6);

-- One for each gateway that has said to be of group $2.
-- name: request_insert_group
INSERT INTO request (id, gateway, "group", service, author, reason, asked, not_after, state, changed)
SELECT $1, name, $2::text, $3, $4, $5, $6::bigint, $7, 'waiting', $6
FROM gateway
WHERE (CASE state WHEN '' THEN '{}' ELSE state END)::json ->> 'group' = $2
ORDER BY name;

-- Of one id, gateway or service, or of all; $5 is now.
-- name: requests
SELECT json_build_object(
	'id', id, 'gateway', gateway, 'group', nullif("group", ''),
	'service', service, 'author', author, 'reason', reason,
	'asked', moment(asked),
	'not_after', moment(not_after),
	'state', CASE WHEN state = 'waiting' AND not_after < $5 THEN 'expired' ELSE state END,
	'changed', moment(changed),
	'taken', taken, 'started', started, 'ended', ended,
	'detail', CASE WHEN state = 'waiting' AND not_after < $5 THEN 'the gateway did not take it in time' ELSE detail END,
	'result', result::json)
FROM request
WHERE ($1::text IS NULL OR id = $1) AND ($2::text IS NULL OR gateway = $2) AND ($3::text IS NULL OR service = $3)
ORDER BY key DESC
LIMIT $4;

-- What a gateway has not ended, behind key $2; $3 is now.
-- name: requests_open
SELECT json_build_object(
	'key', key, 'id', id, 'service', service, 'author', author, 'reason', reason,
	'asked', moment(asked),
	'not_after', moment(not_after),
	'valid_s', greatest(not_after - $3, 0) / 1000, 'state', state)
FROM request
WHERE gateway = $1 AND key > $2 AND state IN ('waiting', 'taken', 'running')
	AND NOT (state = 'waiting' AND not_after < $3)
ORDER BY key
LIMIT $4;

-- Grows with every request.
-- name: requests_mark
SELECT coalesce(max(key), 0) FROM request;

-- For whom there is one behind key $1.
-- name: requests_new
SELECT DISTINCT gateway COLLATE "C" AS name
FROM request
WHERE key > $1
ORDER BY name;

-- A state follows those before it alone: $9 is its place among them, and $10 now.
-- name: request_report
UPDATE request
SET state = $3, taken = coalesce($4, taken), started = coalesce($5, started),
	ended = coalesce($6, ended), detail = $7, result = $8, changed = $10
WHERE id = $1 AND gateway = $2 AND NOT (state = 'waiting' AND not_after < $10)
	AND CASE state WHEN 'waiting' THEN 0 WHEN 'taken' THEN 1 WHEN 'running' THEN 2 ELSE 3 END < $9;

-- What no gateway has taken, of one gateway or of all.
-- name: request_cancel
UPDATE request
SET state = 'cancelled', changed = $3, detail = $4
WHERE id = $1 AND ($2::text IS NULL OR gateway = $2) AND state = 'waiting' AND not_after >= $3;

-- Those that have come to an end before $1; the newest stays, since keys must not go back.
-- name: requests_prune
DELETE FROM request
WHERE changed < $1 AND (state NOT IN ('waiting', 'taken', 'running') OR (state = 'waiting' AND not_after < $1))
	AND key < (SELECT max(key) FROM request);
