-- SPDX-License-Identifier: GPL-2.0-only
-- Edition 4: what was verified of an application, signatures, and what gateways are
-- asked to run.

-- The newest row of an application counts. report is JSON, range what the
-- application was learnt to do within its range, or null.
CREATE TABLE verification (
	key         INTEGER PRIMARY KEY,
	application INTEGER NOT NULL REFERENCES application,
	time        INTEGER NOT NULL,
	result      TEXT NOT NULL,
	report      TEXT NOT NULL,
	range       TEXT
) STRICT;
CREATE INDEX verification_application ON verification (application);

-- serial grows with each signature; base64 of Ed25519.
ALTER TABLE application ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE application ADD COLUMN signature TEXT;
ALTER TABLE script ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE script ADD COLUMN signature TEXT;

-- Services that a gateway is to run, by request of the center. state is waiting,
-- taken, finished, failed or overdue.
CREATE TABLE request (
	key      INTEGER PRIMARY KEY AUTOINCREMENT,
	gateway  TEXT NOT NULL,
	service  TEXT NOT NULL,
	author   TEXT NOT NULL,
	asked    INTEGER NOT NULL,
	overdue  INTEGER NOT NULL,
	state    TEXT NOT NULL,
	answered INTEGER,
	detail   TEXT
) STRICT;
CREATE INDEX request_gateway ON request (gateway, state);
