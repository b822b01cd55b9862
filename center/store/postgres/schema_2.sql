-- SPDX-License-Identifier: GPL-2.0-only
-- Edition 2, what the SQLite store has in its edition 4: what was verified of an
-- application, signatures, and what gateways are asked to run.

-- The newest row of an application counts. report is JSON, range what the
-- application was learnt to do within its range, or null.
CREATE TABLE verification (
	key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	application bigint NOT NULL REFERENCES application,
	time        bigint NOT NULL,
	result      text NOT NULL,
	report      text NOT NULL,
	range       text
);
CREATE INDEX verification_application ON verification (application);

-- serial grows with each signature; base64 of Ed25519.
ALTER TABLE application ADD COLUMN serial bigint NOT NULL DEFAULT 0;
ALTER TABLE application ADD COLUMN signature text;
ALTER TABLE script ADD COLUMN serial bigint NOT NULL DEFAULT 0;
ALTER TABLE script ADD COLUMN signature text;

-- Services that a gateway is to run, by request of the center. state is waiting,
-- taken, finished, failed or overdue.
CREATE TABLE request (
	key      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	gateway  text NOT NULL,
	service  text NOT NULL,
	author   text NOT NULL,
	asked    bigint NOT NULL,
	overdue  bigint NOT NULL,
	state    text NOT NULL,
	answered bigint,
	detail   text
);
CREATE INDEX request_gateway ON request (gateway, state);
