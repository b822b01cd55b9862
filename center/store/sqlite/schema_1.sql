-- SPDX-License-Identifier: GPL-2.0-only
-- The center's store, edition 1. PRAGMA user_version says which edition a file holds;
-- schema_N.sql makes edition N of the one before.
-- Times are milliseconds since 1970, but for the time of a fault, which is kept
-- as the gateway said it. '' in the list of countermeasures stands for "any".

-- Applications (11). The newest row of a name is the version to run.
CREATE TABLE application (
	key       INTEGER PRIMARY KEY,
	name      TEXT NOT NULL,
	version   TEXT NOT NULL,
	runtime   TEXT NOT NULL,
	residence TEXT NOT NULL,
	sha256    TEXT NOT NULL,
	size      INTEGER NOT NULL,
	added     INTEGER NOT NULL,
	UNIQUE (name, version)
) STRICT;

-- Scripts (12), one for each service; edition counts its changes.
CREATE TABLE script (
	service TEXT PRIMARY KEY,
	edition INTEGER NOT NULL,
	sha256  TEXT NOT NULL,
	content BLOB NOT NULL,
	added   INTEGER NOT NULL
) STRICT;

-- The list of countermeasures (133) and its version, which rises by every change.
CREATE TABLE countermeasure (
	key         INTEGER PRIMARY KEY,
	kind        TEXT NOT NULL,
	application TEXT NOT NULL,
	version     TEXT NOT NULL,
	"group"     TEXT NOT NULL,
	action      TEXT NOT NULL,
	attempts    INTEGER NOT NULL,
	window_s    INTEGER NOT NULL,
	backoff_ms  INTEGER NOT NULL,
	"then"      TEXT NOT NULL,
	UNIQUE (kind, application, version, "group")
) STRICT;

CREATE TABLE policy (version INTEGER NOT NULL) STRICT;
INSERT INTO policy VALUES (1);

CREATE TRIGGER countermeasure_added AFTER INSERT ON countermeasure
BEGIN UPDATE policy SET version = version + 1; END;
CREATE TRIGGER countermeasure_changed AFTER UPDATE ON countermeasure
BEGIN UPDATE policy SET version = version + 1; END;
CREATE TRIGGER countermeasure_removed AFTER DELETE ON countermeasure
BEGIN UPDATE policy SET version = version + 1; END;

-- Fault data (341) as the center keeps them. The number of a fault counts within
-- one boot of its gateway, so the two together are one short key.
CREATE TABLE boot (
	key     INTEGER PRIMARY KEY,
	gateway TEXT NOT NULL,
	id      TEXT NOT NULL,
	UNIQUE (id, gateway)
) STRICT;
CREATE INDEX boot_order ON boot (gateway, key);

CREATE TABLE fault (
	key            INTEGER PRIMARY KEY,
	boot           INTEGER NOT NULL REFERENCES boot,
	number         INTEGER NOT NULL,
	received       INTEGER NOT NULL,
	time           TEXT NOT NULL,
	kind           TEXT NOT NULL,
	application    TEXT,
	version        TEXT,
	"group"        TEXT NOT NULL,
	data           TEXT NOT NULL,
	countermeasure TEXT NOT NULL,
	policy_version INTEGER NOT NULL,
	UNIQUE (boot, number)
) STRICT;

-- What became of the countermeasure (349).
CREATE TABLE outcome (
	fault       INTEGER PRIMARY KEY REFERENCES fault,
	received    INTEGER NOT NULL,
	action      TEXT NOT NULL,
	result      TEXT NOT NULL,
	duration_ms REAL NOT NULL,
	detail      TEXT
) STRICT;
