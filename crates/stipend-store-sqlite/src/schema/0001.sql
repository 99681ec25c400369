-- The first layout. A released file is never changed; a change is a new file.

CREATE TABLE meta(k TEXT PRIMARY KEY, v ANY) STRICT;

CREATE TABLE journal(
  seq INTEGER PRIMARY KEY, part INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL,
  slot INTEGER NOT NULL, pool INTEGER NOT NULL, pool_seq INTEGER NOT NULL,
  prev INTEGER NOT NULL, jump INTEGER NOT NULL, life INTEGER NOT NULL,
  amount ANY, balance_after ANY, key BLOB, body BLOB NOT NULL) STRICT;

CREATE TABLE image(seg INTEGER PRIMARY KEY, as_of INTEGER NOT NULL, body BLOB NOT NULL) STRICT;

CREATE TABLE customer(
  slot INTEGER PRIMARY KEY, env INTEGER NOT NULL, id TEXT NOT NULL, name TEXT, email TEXT,
  doc TEXT NOT NULL, created INTEGER NOT NULL, archived INTEGER, UNIQUE(env, id)) STRICT;
CREATE INDEX customer_listed ON customer(env) WHERE archived IS NULL;
CREATE INDEX customer_name ON customer(env, name) WHERE name IS NOT NULL AND archived IS NULL;
CREATE INDEX customer_email ON customer(env, email) WHERE email IS NOT NULL AND archived IS NULL;

CREATE TABLE subscription(
  sid INTEGER PRIMARY KEY, env INTEGER NOT NULL, id TEXT NOT NULL, slot INTEGER NOT NULL,
  number INTEGER NOT NULL, plan TEXT NOT NULL, version INTEGER NOT NULL, parent_version INTEGER,
  resource TEXT, pricing TEXT NOT NULL, status TEXT NOT NULL, starts INTEGER NOT NULL,
  trial_ends INTEGER, ends INTEGER, created INTEGER NOT NULL, doc TEXT NOT NULL,
  UNIQUE(env, id)) STRICT;
CREATE INDEX subscription_listed ON subscription(env);
CREATE INDEX subscription_slot ON subscription(slot);
CREATE INDEX subscription_plan ON subscription(env, plan, version);
CREATE INDEX subscription_resource ON subscription(env, resource) WHERE resource IS NOT NULL;

CREATE TABLE pool(
  id INTEGER PRIMARY KEY, slot INTEGER NOT NULL, currency TEXT NOT NULL,
  resource TEXT NOT NULL DEFAULT '', UNIQUE(slot, currency, resource)) STRICT;

CREATE TABLE catalog(
  env INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
  holds_from INTEGER NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY(env, kind, id, version, holds_from)) STRICT, WITHOUT ROWID;

CREATE TABLE once(
  env INTEGER NOT NULL, scope INTEGER NOT NULL, key BLOB NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY(env, scope, key)) STRICT, WITHOUT ROWID;

CREATE TABLE key_segment(
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, newest INTEGER NOT NULL,
  filter BLOB NOT NULL) STRICT;
CREATE TABLE key_run(
  first INTEGER NOT NULL, block INTEGER NOT NULL, pairs BLOB NOT NULL,
  PRIMARY KEY(first, block)) STRICT, WITHOUT ROWID;
CREATE TABLE usage_cell(
  pool INTEGER NOT NULL, day INTEGER NOT NULL, upto INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(pool, day, upto)) STRICT, WITHOUT ROWID;
CREATE TABLE delivery(endpoint INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;

-- What follows is public: people's SQL reads it.

CREATE VIEW v_customer AS SELECT
  env, id, name, email,
  strftime('%Y-%m-%dT%H:%M:%S', created / 1000000, 'unixepoch')
    || printf('.%06dZ', created % 1000000) AS created_at,
  strftime('%Y-%m-%dT%H:%M:%S', archived / 1000000, 'unixepoch')
    || printf('.%06dZ', archived % 1000000) AS archived_at,
  doc, slot
FROM customer;

CREATE VIEW v_subscription AS SELECT
  s.env, s.id, c.id AS customer, s.resource, s.plan, s.version, s.parent_version, s.pricing,
  s.status,
  strftime('%Y-%m-%dT%H:%M:%S', s.starts / 1000000, 'unixepoch')
    || printf('.%06dZ', s.starts % 1000000) AS starts_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.trial_ends / 1000000, 'unixepoch')
    || printf('.%06dZ', s.trial_ends % 1000000) AS trial_ends_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.ends / 1000000, 'unixepoch')
    || printf('.%06dZ', s.ends % 1000000) AS ends_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.created / 1000000, 'unixepoch')
    || printf('.%06dZ', s.created % 1000000) AS created_at,
  s.doc, s.sid
FROM subscription s LEFT JOIN customer c ON c.slot = s.slot;

-- Amounts as exact decimals: an integer of 10^-9 where it fits 64 bits, else the text of one.
CREATE VIEW v_ledger AS SELECT
  j.seq, c.env, c.id AS customer, p.currency, nullif(p.resource, '') AS resource, j.pool_seq,
  j.kind,
  strftime('%Y-%m-%dT%H:%M:%S', j.at / 1000000, 'unixepoch')
    || printf('.%06dZ', j.at % 1000000) AS at,
  CASE typeof(j.amount) WHEN 'integer' THEN
    iif(j.amount < 0, '-', '') || rtrim(rtrim(printf('%d.%09d',
      abs(j.amount / 1000000000), abs(j.amount % 1000000000)), '0'), '.')
  ELSE
    rtrim(rtrim(substr(j.amount, 1, length(j.amount) - 9) || '.' || substr(j.amount, -9),
      '0'), '.')
  END AS amount,
  CASE typeof(j.balance_after) WHEN 'integer' THEN
    iif(j.balance_after < 0, '-', '') || rtrim(rtrim(printf('%d.%09d',
      abs(j.balance_after / 1000000000), abs(j.balance_after % 1000000000)), '0'), '.')
  ELSE
    rtrim(rtrim(substr(j.balance_after, 1, length(j.balance_after) - 9) || '.'
      || substr(j.balance_after, -9), '0'), '.')
  END AS balance_after,
  j.pool
FROM journal j LEFT JOIN pool p ON p.id = j.pool LEFT JOIN customer c ON c.slot = j.slot
WHERE j.pool <> 0 AND j.pool & 32768 = 0;
