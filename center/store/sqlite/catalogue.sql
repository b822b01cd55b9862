-- SPDX-License-Identifier: GPL-2.0-only
-- Applications (11) and scripts (12).

-- name: application_insert
INSERT INTO application (name, version, runtime, residence, sha256, size, added)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: application_find
SELECT json_object(
	'name', name, 'version', version, 'runtime', runtime,
	'residence', residence, 'sha256', sha256, 'size', size)
FROM application
WHERE name = ?1 AND version = ?2;

-- The version to run.
-- name: application_current
SELECT json_object(
	'name', name, 'version', version, 'residence', residence,
	'runtime', runtime, 'sha256', sha256, 'size', size,
	'serial', serial, 'signature', signature)
FROM application
WHERE name = ?1
ORDER BY key DESC
LIMIT 1;

-- name: applications
SELECT json_object(
	'name', name, 'version', version, 'residence', residence,
	'runtime', runtime, 'sha256', sha256, 'size', size,
	'added', strftime('%Y-%m-%dT%H:%M:%fZ', added / 1000.0, 'unixepoch'),
	'current', json(iif(a.key = max(a.key) OVER (PARTITION BY name), 'true', 'false')),
	'signed', json(iif(signature IS NULL, 'false', 'true')),
	'verified', (SELECT result FROM verification
		WHERE verification.application = a.key ORDER BY verification.key DESC LIMIT 1))
FROM application AS a
ORDER BY name, a.key;

-- One with all that was verified of it, the last first.
-- name: application_show
SELECT json_object(
	'name', name, 'version', version, 'residence', residence,
	'runtime', runtime, 'sha256', sha256, 'size', size,
	'added', strftime('%Y-%m-%dT%H:%M:%fZ', added / 1000.0, 'unixepoch'),
	'serial', serial, 'signature', signature,
	'verifications', json((SELECT json_group_array(json_object(
			'time', strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'),
			'result', result, 'report', json(report), 'range', json(range)))
		FROM (SELECT * FROM verification WHERE verification.application = a.key
			ORDER BY verification.key DESC))))
FROM application AS a
WHERE name = ?1 AND (?2 IS NULL OR version = ?2)
ORDER BY a.key DESC
LIMIT 1;

-- name: verification_insert
INSERT INTO verification (application, time, result, report, range)
SELECT key, ?3, ?4, ?5, ?6
FROM application
WHERE name = ?1 AND version = ?2;

-- name: script_put
INSERT INTO script (service, edition, sha256, content, added)
VALUES (?1, 1, ?2, ?3, ?4)
ON CONFLICT (service) DO UPDATE
SET edition = edition + 1, sha256 = excluded.sha256, content = excluded.content,
	added = excluded.added, serial = 0, signature = NULL
WHERE sha256 <> excluded.sha256;

-- name: script_get
SELECT content, sha256, edition
FROM script
WHERE service = ?1;

-- name: scripts
SELECT json_object(
	'service', service, 'edition', edition, 'sha256', sha256,
	'size', length(content), 'signed', json(iif(signature IS NULL, 'false', 'true')),
	'added', strftime('%Y-%m-%dT%H:%M:%fZ', added / 1000.0, 'unixepoch'))
FROM script
ORDER BY service;

-- name: definition_put
INSERT INTO definition (service, sha256, content, added)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (service) DO UPDATE
SET sha256 = excluded.sha256, content = excluded.content, added = excluded.added;

-- name: definition_get
SELECT content, sha256
FROM definition
WHERE service = ?1;

-- name: definitions
SELECT json_quote(service)
FROM definition
ORDER BY service;

-- Bundles are files here; no statement of theirs is ever run.
-- name: artifact_part_put
SELECT ?1, ?2, ?3;

-- name: artifact_part_get
SELECT ?1, ?2;

-- name: artifact_parts
SELECT 0 WHERE ?1 IS NULL;

-- name: application_sign
UPDATE application SET serial = ?3, signature = ?4
WHERE name = ?1 AND version = ?2;

-- name: script_sign
UPDATE script SET serial = ?2, signature = ?3
WHERE service = ?1;

-- name: script_signature
SELECT json_object('service', service, 'sha256', sha256, 'serial', serial, 'signature', signature)
FROM script
WHERE service = ?1;

-- name: serial_last
SELECT coalesce(max(serial), 0)
FROM (SELECT serial FROM application UNION ALL SELECT serial FROM script
	UNION ALL SELECT serial FROM policy);
