-- SPDX-License-Identifier: GPL-2.0-only
-- Edition 3: services that gateways run by request of the center, one row for each
-- gateway of a request; and the signature of the list of countermeasures. Nothing was ever in the table that edition 2 has for them.
DROP TABLE request;

-- group: '' when one gateway was named. state is waiting, taken, running, done, failed,
-- refused, expired or cancelled; a waiting one whose time is over counts as expired.
-- taken, started and ended are what the gateway says; result is JSON.
CREATE TABLE request (
	key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id        text NOT NULL,
	gateway   text NOT NULL,
	"group"   text NOT NULL,
	service   text NOT NULL,
	author    text NOT NULL,
	reason    text NOT NULL,
	asked     bigint NOT NULL,
	not_after bigint NOT NULL,
	state     text NOT NULL,
	changed   bigint NOT NULL,
	taken     text,
	started   text,
	ended     text,
	detail    text,
	result    text,
	UNIQUE (id, gateway)
);
CREATE INDEX request_open ON request (gateway, key) WHERE state IN ('waiting', 'taken', 'running');

-- Of the list as it was at this version; of another one it says nothing.
ALTER TABLE policy ADD COLUMN signed_version bigint NOT NULL DEFAULT 0;
ALTER TABLE policy ADD COLUMN serial bigint NOT NULL DEFAULT 0;
ALTER TABLE policy ADD COLUMN signature text;
