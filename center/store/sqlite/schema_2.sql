-- SPDX-License-Identifier: GPL-2.0-only
-- Edition 2: countermeasures with parameters, decided at the center or the gateway,
-- and the history of their list.
ALTER TABLE countermeasure ADD COLUMN parameters TEXT NOT NULL DEFAULT '';
ALTER TABLE countermeasure ADD COLUMN healthy_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE countermeasure ADD COLUMN decide TEXT NOT NULL DEFAULT 'center';

-- Every change of the list by the policy version that it made. before and after are
-- the entry as JSON, or null.
CREATE TABLE change (
	version INTEGER PRIMARY KEY,
	time    INTEGER NOT NULL,
	author  TEXT NOT NULL,
	reason  TEXT NOT NULL,
	undoes  INTEGER,
	before  TEXT NOT NULL,
	after   TEXT NOT NULL
) STRICT;

-- Who decided: the center, or the gateway by its list or because no answer came.
ALTER TABLE fault ADD COLUMN decided_by TEXT NOT NULL DEFAULT 'center';
ALTER TABLE fault ADD COLUMN decided_why TEXT;
ALTER TABLE outcome ADD COLUMN loop INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outcome ADD COLUMN data TEXT;

-- A fault as it is listed.
DROP VIEW IF EXISTS report;
CREATE VIEW report AS
SELECT fault.key, boot.key AS boot, boot.id AS boot_id, gateway, number, kind,
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
