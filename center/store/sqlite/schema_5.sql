-- SPDX-License-Identifier: GPL-2.0-only
-- Edition 5: services that gateways run by request of the center, one row for each
-- gateway of a request; and the signature of the list of countermeasures. Nothing was ever in the table that edition 4 has for them.
DROP TABLE request;

-- group: '' when one gateway was named. state is waiting, taken, running, done, failed,
-- refused, expired or cancelled; a waiting one whose time is over counts as expired.
-- taken, started and ended are what the gateway says; result is JSON.
CREATE TABLE request (
	key       INTEGER PRIMARY KEY AUTOINCREMENT,
	id        TEXT NOT NULL,
	gateway   TEXT NOT NULL,
	"group"   TEXT NOT NULL,
	service   TEXT NOT NULL,
	author    TEXT NOT NULL,
	reason    TEXT NOT NULL,
	asked     INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	state     TEXT NOT NULL,
	changed   INTEGER NOT NULL,
	taken     TEXT,
	started   TEXT,
	ended     TEXT,
	detail    TEXT,
	result    TEXT,
	UNIQUE (id, gateway)
) STRICT;
CREATE INDEX request_open ON request (gateway, key) WHERE state IN ('waiting', 'taken', 'running');

-- Of the list as it was at this version; of another one it says nothing.
ALTER TABLE policy ADD COLUMN signed_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policy ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policy ADD COLUMN signature TEXT;
