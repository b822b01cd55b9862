-- Event data (342): what happened, normal and not.
CREATE TABLE IF NOT EXISTS event (
	id          INTEGER PRIMARY KEY,
	time        INTEGER NOT NULL,   -- ms since 1970, UTC
	part        TEXT NOT NULL,      -- who says so: kernel, script, ...
	application TEXT,
	name        TEXT NOT NULL,
	text        TEXT NOT NULL,      -- one line for a person
	data        TEXT                -- JSON
);

-- Fault data (341), and how far each fault has come.
CREATE TABLE IF NOT EXISTS fault (
	id             TEXT PRIMARY KEY,
	time           INTEGER NOT NULL,
	kind           TEXT NOT NULL,
	application    TEXT NOT NULL,
	version        TEXT NOT NULL,
	state          TEXT NOT NULL,   -- stored, decided, restored, failed
	data           BLOB NOT NULL,   -- JSON: packed.h, or as text
	countermeasure TEXT,            -- JSON
	decided        TEXT,            -- JSON: by the gateway, and why; null: by the center
	outcome        TEXT,            -- JSON
	reported       INTEGER NOT NULL DEFAULT 0,  -- the center has the fault
	outcome_sent   INTEGER NOT NULL DEFAULT 0   -- the center has the outcome
);

CREATE INDEX IF NOT EXISTS fault_application ON fault (application, time);

-- What was chosen while the gateway ran: the list of events, limits of applications.
CREATE TABLE IF NOT EXISTS setting (
	kind  TEXT NOT NULL,
	name  TEXT NOT NULL,
	value TEXT NOT NULL,            -- JSON
	PRIMARY KEY (kind, name)
);

CREATE INDEX IF NOT EXISTS fault_unreported ON fault (time)
	WHERE NOT reported OR (outcome IS NOT NULL AND NOT outcome_sent);

-- Services that the center has requested, and how far each has come.
CREATE TABLE IF NOT EXISTS request (
	id        TEXT PRIMARY KEY,
	service   TEXT NOT NULL,
	author    TEXT NOT NULL,
	not_after INTEGER NOT NULL,     -- ms since 1970
	state     TEXT NOT NULL,        -- taken, running, done, failed, refused, expired, cancelled
	time      INTEGER NOT NULL,     -- when it came to this state
	report    TEXT NOT NULL,        -- JSON: what the center is told of it
	told      INTEGER NOT NULL DEFAULT 0        -- the center knows this state
);

CREATE INDEX IF NOT EXISTS request_untold ON request (time) WHERE NOT told;
