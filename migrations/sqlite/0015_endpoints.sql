-- Webhooks and streams of security event tokens.
create table endpoint (
  endpoint integer primary key,
  -- webhook or stream
  kind text not null,
  name text not null,
  -- null: of all tenants
  tenant integer references tenant on delete cascade,
  -- settings, as JSON
  options text not null,
  -- keys and headers, sealed
  secrets text not null,
  -- active, paused, failing, disabled or behind
  status text not null,
  why text,
  since integer not null,
  -- everything up to a position is delivered or waits apart, and so many parts of the position after it
  position integer not null,
  parts integer not null default 0,
  -- how often an operator set the position
  rewinds integer not null default 0,
  -- how often an operator changed anything
  revision integer not null default 1,
  created integer not null,
  -- the instance that sends, until a moment of the database's clock
  owner text,
  lease integer,
  accepted integer not null default 0,
  last_accepted integer,
  unique (kind, name)
) strict;
-- Where tenants have come to that are behind their endpoint, or ahead of it.
create table lane (
  endpoint integer not null references endpoint on delete cascade,
  tenant integer not null,
  position integer not null,
  parts integer not null,
  primary key (endpoint, tenant)
) strict, without rowid;
-- Events that wait apart, and those that were given up.
create table held_event (
  endpoint integer not null references endpoint on delete cascade,
  position integer not null,
  part integer not null,
  tenant integer not null,
  resource text not null,
  event text not null,
  attempts integer not null,
  -- when it is tried again; null behind another one of its resource
  due integer,
  -- when it was given up
  failed integer,
  primary key (endpoint, position, part)
) strict, without rowid;
-- Attempts that failed, and events of a stream that were acknowledged out of order.
create table failed_attempt (
  endpoint integer not null references endpoint on delete cascade,
  at integer not null,
  event text not null,
  status integer,
  error text not null,
  attempt integer not null,
  primary key (endpoint, at, event)
) strict, without rowid;
create table acknowledgement (
  endpoint integer not null references endpoint on delete cascade,
  position integer not null,
  part integer not null,
  primary key (endpoint, position, part)
) strict, without rowid;
-- Keys that sign security event tokens: next, current or old.
create table signing_key (
  id text primary key,
  algorithm text not null,
  state text not null,
  jwk text not null,
  secret text not null,
  created integer not null,
  -- when it became old
  retired integer
) strict, without rowid;
