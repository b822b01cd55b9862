-- SPDX-License-Identifier: GPL-2.0-only
-- Edition 3: definitions in the store, tokens of administrators and gateways, when
-- gateways were seen.
CREATE TABLE definition (
	service TEXT PRIMARY KEY,
	sha256  TEXT NOT NULL,
	content BLOB NOT NULL,
	added   INTEGER NOT NULL
) STRICT;

-- Who may do what; of a token only its hash is kept. role: administrator or gateway.
CREATE TABLE token (
	role   TEXT NOT NULL,
	name   TEXT NOT NULL,
	sha256 TEXT NOT NULL UNIQUE,
	added  INTEGER NOT NULL,
	PRIMARY KEY (role, name)
) STRICT;
CREATE TABLE token_mark (changes INTEGER NOT NULL) STRICT;
INSERT INTO token_mark VALUES (1);
CREATE TRIGGER token_added AFTER INSERT ON token
BEGIN UPDATE token_mark SET changes = changes + 1; END;
CREATE TRIGGER token_changed AFTER UPDATE ON token
BEGIN UPDATE token_mark SET changes = changes + 1; END;
CREATE TRIGGER token_removed AFTER DELETE ON token
BEGIN UPDATE token_mark SET changes = changes + 1; END;

-- What a gateway said of itself when it was seen last.
CREATE TABLE gateway (
	name     TEXT PRIMARY KEY,
	seen     INTEGER NOT NULL,
	address  TEXT NOT NULL,
	software TEXT NOT NULL,
	state    TEXT NOT NULL
) STRICT;

CREATE INDEX fault_received ON fault (received);

-- A fault as it is listed, with its application.
DROP VIEW report;
CREATE VIEW report AS
SELECT fault.key, boot.key AS boot, boot.id AS boot_id, gateway, number, kind, application,
	fault.data AS data, outcome.data AS outcome_data, fault.received AS received,
	json_object(
		'id', boot.id || '-' || number, 'gateway', gateway, 'kind', kind,
		'application', application, 'version', version, 'group', "group",
		'time', time,
		'received', strftime('%Y-%m-%dT%H:%M:%fZ', fault.received / 1000.0, 'unixepoch'),
		'countermeasure', json(countermeasure), 'policy_version', policy_version,
		'decided_by', decided_by, 'decided_why', decided_why,
		'outcome', json(iif(outcome.fault IS NULL, NULL, json_object(
			'action', outcome.action, 'result', result,
			'duration_ms', duration_ms, 'detail', detail,
			'loop', json(iif(loop, 'true', 'false')),
			'received', strftime('%Y-%m-%dT%H:%M:%fZ', outcome.received / 1000.0, 'unixepoch')))))
	AS summary
FROM fault
JOIN boot ON boot.key = fault.boot
LEFT JOIN outcome ON outcome.fault = fault.key;
