-- step: the tables of endpoints, to which changes are sent
-- Webhooks and streams of security event tokens.
create table if not exists endpoint (
  endpoint integer generated always as identity primary key,
  -- webhook or stream
  kind text collate "C" not null,
  name text collate "C" not null,
  -- null: of all tenants
  tenant integer references tenant on delete cascade,
  -- settings, as JSON
  options text not null,
  -- keys and headers, sealed
  secrets text not null,
  -- active, paused, failing, disabled or behind
  status text collate "C" not null,
  why text,
  since bigint not null,
  -- everything up to a position is delivered or waits apart, and so many parts of the position after it
  position bigint not null,
  parts bigint not null default 0,
  -- how often an operator set the position
  rewinds bigint not null default 0,
  -- how often an operator changed anything
  revision bigint not null default 1,
  created bigint not null,
  -- the instance that sends, until a moment of the database's clock
  owner text collate "C",
  lease bigint,
  accepted bigint not null default 0,
  last_accepted bigint,
  unique (kind, name)
);
-- Where tenants have come to that are behind their endpoint, or ahead of it.
create table if not exists lane (
  endpoint integer not null references endpoint on delete cascade,
  tenant integer not null,
  position bigint not null,
  parts bigint not null,
  primary key (endpoint, tenant)
);
-- Events that wait apart, and those that were given up.
create table if not exists held_event (
  endpoint integer not null references endpoint on delete cascade,
  position bigint not null,
  part bigint not null,
  tenant integer not null,
  resource uuid not null,
  event text collate "C" not null,
  attempts bigint not null,
  -- when it is tried again; null behind another one of its resource
  due bigint,
  -- when it was given up
  failed bigint,
  primary key (endpoint, position, part)
);
-- Attempts that failed, and events of a stream that were acknowledged out of order.
create table if not exists failed_attempt (
  endpoint integer not null references endpoint on delete cascade,
  at bigint not null,
  event text collate "C" not null,
  status integer,
  error text not null,
  attempt bigint not null,
  primary key (endpoint, at, event)
);
create table if not exists acknowledgement (
  endpoint integer not null references endpoint on delete cascade,
  position bigint not null,
  part bigint not null,
  primary key (endpoint, position, part)
);
-- Keys that sign security event tokens: next, current or old.
create table if not exists signing_key (
  id text collate "C" primary key,
  algorithm text collate "C" not null,
  state text collate "C" not null,
  jwk text not null,
  secret text not null,
  created bigint not null,
  -- when it became old
  retired bigint
);
