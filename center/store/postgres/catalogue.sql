-- SPDX-License-Identifier: GPL-2.0-only
-- Applications (11), scripts (12), definitions (331), and the bundles.

-- name: application_insert
INSERT INTO application (name, version, runtime, residence, sha256, size, added)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: application_find
SELECT json_build_object(
	'name', name, 'version', version, 'runtime', runtime,
	'residence', residence, 'sha256', sha256, 'size', size)
FROM application
WHERE name = $1 AND version = $2;

-- The version to run.
-- name: application_current
SELECT json_build_object(
	'name', name, 'version', version, 'residence', residence,
	'runtime', runtime, 'sha256', sha256, 'size', size,
	'serial', serial, 'signature', signature)
FROM application
WHERE name = $1
ORDER BY key DESC
LIMIT 1;

-- name: applications
SELECT json_build_object(
	'name', name, 'version', version, 'residence', residence,
	'runtime', runtime, 'sha256', sha256, 'size', size,
	'added', moment(added), 'current', key = max(key) OVER (PARTITION BY name),
	'signed', signature IS NOT NULL,
	'verified', (SELECT result FROM verification
		WHERE application = a.key ORDER BY verification.key DESC LIMIT 1))
FROM application AS a
ORDER BY name COLLATE "C", key;

-- One with all that was verified of it, the last first.
-- name: application_show
SELECT json_build_object(
	'name', name, 'version', version, 'residence', residence,
	'runtime', runtime, 'sha256', sha256, 'size', size, 'added', moment(added),
	'serial', serial, 'signature', signature,
	'verifications', (SELECT coalesce(json_agg(json_build_object(
			'time', moment(time), 'result', result, 'report', report::json,
			'range', range::json) ORDER BY v.key DESC), '[]')
		FROM verification AS v WHERE v.application = a.key))
FROM application AS a
WHERE name = $1 AND ($2::text IS NULL OR version = $2)
ORDER BY key DESC
LIMIT 1;

-- name: verification_insert
INSERT INTO verification (application, time, result, report, range)
SELECT key, $3, $4, $5, $6
FROM application
WHERE name = $1 AND version = $2;

-- name: script_put
INSERT INTO script AS s (service, edition, sha256, content, added)
VALUES ($1, 1, $2, $3, $4)
ON CONFLICT (service) DO UPDATE
SET edition = s.edition + 1, sha256 = excluded.sha256, content = excluded.content,
	added = excluded.added, serial = 0, signature = NULL
WHERE s.sha256 <> excluded.sha256;

-- name: script_get
SELECT content, sha256, edition
FROM script
WHERE service = $1;

-- name: scripts
SELECT json_build_object(
	'service', service, 'edition', edition, 'sha256', sha256,
	'size', length(content), 'signed', signature IS NOT NULL, 'added', moment(added))
FROM script
ORDER BY service COLLATE "C";

-- name: definition_put
INSERT INTO definition (service, sha256, content, added)
VALUES ($1, $2, $3, $4)
ON CONFLICT (service) DO UPDATE
SET sha256 = excluded.sha256, content = excluded.content, added = excluded.added;

-- name: definition_get
SELECT content, sha256
FROM definition
WHERE service = $1;

-- name: definitions
SELECT to_json(service)
FROM definition
ORDER BY service COLLATE "C";

-- name: artifact_part_put
INSERT INTO artifact_part (sha256, part, content)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING;

-- name: artifact_part_get
SELECT content
FROM artifact_part
WHERE sha256 = $1 AND part = $2;

-- name: artifact_parts
SELECT count(*)
FROM artifact_part
WHERE sha256 = $1;

-- name: application_sign
UPDATE application SET serial = $3, signature = $4
WHERE name = $1 AND version = $2;

-- name: script_sign
UPDATE script SET serial = $2, signature = $3
WHERE service = $1;

-- name: script_signature
SELECT json_build_object('service', service, 'sha256', sha256, 'serial', serial, 'signature', signature)
FROM script
WHERE service = $1;

-- name: serial_last
SELECT coalesce(max(serial), 0)
FROM (SELECT serial FROM application UNION ALL SELECT serial FROM script
	UNION ALL SELECT serial FROM policy) AS signed;
