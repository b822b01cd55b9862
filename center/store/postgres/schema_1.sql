-- SPDX-License-Identifier: GPL-2.0-only
-- The center's store in PostgreSQL, edition 1: what the SQLite store has in its
-- edition 3, and the bundles, which several centers share. The table edition says
-- which edition a database holds.
-- Times are milliseconds since 1970, but for the time of a fault.
CREATE TABLE application (
	key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name      text NOT NULL,
	version   text NOT NULL,
	runtime   text NOT NULL,
	residence text NOT NULL,
	sha256    text NOT NULL,
	size      bigint NOT NULL,
	added     bigint NOT NULL,
	UNIQUE (name, version)
);

-- A bundle in parts of at most 1 MiB; compressed already.
CREATE TABLE artifact_part (
	sha256  text NOT NULL,
	part    integer NOT NULL,
	content bytea NOT NULL,
	PRIMARY KEY (sha256, part)
);
ALTER TABLE artifact_part ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE script (
	service text PRIMARY KEY,
	edition bigint NOT NULL,
	sha256  text NOT NULL,
	content bytea NOT NULL,
	added   bigint NOT NULL
);

CREATE TABLE definition (
	service text PRIMARY KEY,
	sha256  text NOT NULL,
	content bytea NOT NULL,
	added   bigint NOT NULL
);

CREATE TABLE countermeasure (
	key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind        text COLLATE "C" NOT NULL,
	application text COLLATE "C" NOT NULL,
	version     text COLLATE "C" NOT NULL,
	"group"     text COLLATE "C" NOT NULL,
	action      text NOT NULL,
	attempts    bigint NOT NULL,
	window_s    bigint NOT NULL,
	backoff_ms  bigint NOT NULL,
	"then"      text NOT NULL,
	parameters  text NOT NULL,
	healthy_s   bigint NOT NULL,
	decide      text NOT NULL,
	UNIQUE (kind, application, version, "group")
);

CREATE TABLE policy (version bigint NOT NULL);
INSERT INTO policy VALUES (1);

CREATE TABLE change (
	version bigint PRIMARY KEY,
	time    bigint NOT NULL,
	author  text NOT NULL,
	reason  text NOT NULL,
	undoes  bigint,
	before  text NOT NULL,
	after   text NOT NULL
);

CREATE TABLE boot (
	key     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	gateway text NOT NULL,
	id      text NOT NULL,
	UNIQUE (id, gateway)
);
CREATE INDEX boot_order ON boot (gateway, key);

CREATE TABLE fault (
	key            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	boot           bigint NOT NULL REFERENCES boot,
	number         bigint NOT NULL,
	received       bigint NOT NULL,
	time           text NOT NULL,
	kind           text NOT NULL,
	application    text,
	version        text,
	"group"        text NOT NULL,
	data           text NOT NULL,
	countermeasure text NOT NULL,
	policy_version bigint NOT NULL,
	decided_by     text NOT NULL,
	decided_why    text,
	UNIQUE (boot, number)
);
CREATE INDEX fault_received ON fault (received);

CREATE TABLE outcome (
	fault       bigint PRIMARY KEY REFERENCES fault,
	received    bigint NOT NULL,
	action      text NOT NULL,
	result      text NOT NULL,
	duration_ms double precision NOT NULL,
	detail      text,
	loop        bigint NOT NULL,
	data        text
);

CREATE TABLE token (
	role   text NOT NULL,
	name   text NOT NULL,
	sha256 text NOT NULL UNIQUE,
	added  bigint NOT NULL,
	PRIMARY KEY (role, name)
);
CREATE TABLE token_mark (changes bigint NOT NULL);
INSERT INTO token_mark VALUES (1);

CREATE TABLE gateway (
	name     text PRIMARY KEY,
	seen     bigint NOT NULL,
	address  text NOT NULL,
	software text NOT NULL,
	state    text NOT NULL
);

-- Each change of the list raises its version, as each change of tokens their mark.
CREATE FUNCTION policy_raise() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN UPDATE policy SET version = version + 1; RETURN NULL; END';
CREATE TRIGGER countermeasure_changed AFTER INSERT OR UPDATE OR DELETE ON countermeasure
FOR EACH ROW EXECUTE FUNCTION policy_raise();
CREATE FUNCTION token_raise() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN UPDATE token_mark SET changes = changes + 1; RETURN NULL; END';
CREATE TRIGGER token_changed AFTER INSERT OR UPDATE OR DELETE ON token
FOR EACH ROW EXECUTE FUNCTION token_raise();

-- RFC 3339 of milliseconds since 1970.
CREATE FUNCTION moment(ms bigint) RETURNS text LANGUAGE sql STABLE AS
'SELECT to_char(to_timestamp(ms / 1000.0) AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'')';

CREATE VIEW report AS
SELECT fault.key, boot.key AS boot, boot.id AS boot_id, gateway, number, kind, application,
	fault.data AS data, outcome.data AS outcome_data, fault.received AS received,
	json_build_object(
		'id', boot.id || '-' || number, 'gateway', gateway, 'kind', kind,
		'application', application, 'version', version, 'group', "group",
		'time', time, 'received', moment(fault.received),
		'countermeasure', countermeasure::json, 'policy_version', policy_version,
		'decided_by', decided_by, 'decided_why', decided_why,
		'outcome', CASE WHEN outcome.fault IS NOT NULL THEN json_build_object(
			'action', outcome.action, 'result', result,
			'duration_ms', duration_ms, 'detail', detail,
			'loop', loop <> 0, 'received', moment(outcome.received)) END)
	AS summary
FROM fault
JOIN boot ON boot.key = fault.boot
LEFT JOIN outcome ON outcome.fault = fault.key;
