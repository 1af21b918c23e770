-- Text keys compare by bytes ("C"): equality and order are decided by the server, not here.

create table tenant (
  tenant integer generated always as identity primary key,
  name text collate "C" not null unique,
  status text not null default 'active',
  conformance text not null default 'lenient',
  username_format text not null default 'any',
  unique_group_names boolean not null default true,
  password_policy text not null default 'discard',
  base_url text,
  -- seats: the limit of active users; used: how many take one, kept only while there is a limit
  seats bigint,
  used bigint not null default 0,
  created bigint not null
);

create table token (
  id text collate "C" primary key,
  tenant integer not null references tenant on delete cascade,
  name text not null,
  secret_digest text collate "C" not null,
  scope text not null,
  created bigint not null,
  expires bigint,
  last_used bigint,
  revoked bigint
);
create index token_of_tenant on token (tenant);

-- Short numbers for the names that every index row carries.
create table kind (
  kind integer generated always as identity primary key,
  name text collate "C" not null unique
);
create table attribute (
  attribute integer generated always as identity primary key,
  kind integer not null references kind,
  path text collate "C" not null,
  unique (kind, path)
);

-- seq: made by the server from kind, time and a counter, so that one index serves joins, the
-- list of a type in order of creation, and its pages.
create table resource (
  tenant integer not null references tenant,
  seq bigint not null,
  id uuid not null,
  -- the attributes as they are rendered; the database never looks inside
  document text not null,
  display text,
  display_key text collate "C",
  password text,
  takes_seat boolean not null,
  -- version counts every change, revision those of the document
  version bigint not null,
  revision bigint not null,
  created bigint not null,
  modified bigint not null,
  primary key (tenant, seq)
) with (fillfactor = 90);
create unique index resource_id on resource (tenant, id);

-- One row for each searchable value. Unique values have an index of their own, so that each
-- row stands in one index.
create table attribute_value (
  tenant integer not null,
  attribute integer not null,
  element smallint not null,
  is_unique boolean not null,
  seq bigint not null,
  key text collate "C" not null,
  -- what of a long key does not fit an index
  tail text collate "C"
);
create index attribute_value_search on attribute_value (tenant, attribute, key, seq, element) where not is_unique;
create unique index attribute_value_unique on attribute_value (tenant, attribute, key) include (seq, element) where is_unique;

create table member (
  tenant integer not null,
  group_seq bigint not null,
  member_seq bigint not null,
  primary key (tenant, group_seq, member_seq),
  foreign key (tenant, group_seq) references resource (tenant, seq),
  foreign key (tenant, member_seq) references resource (tenant, seq)
);
create index member_of on member (tenant, member_seq, group_seq);

-- Live resources by type, and how many were deleted, in shards so that no row is hot.
create table counter (
  tenant integer not null,
  kind integer not null,
  shard smallint not null,
  live bigint not null,
  active bigint not null,
  gone bigint not null,
  primary key (tenant, kind, shard)
) with (fillfactor = 50);

-- Every change, written in its transaction.
create table change (
  tenant integer not null,
  change bigint not null,
  seq bigint not null,
  id uuid not null,
  version bigint not null,
  action text not null,
  attributes text not null,
  token text,
  at bigint not null,
  -- what the order of reading is settled by: numbers of transactions, not of rows
  transaction xid8 not null default pg_current_xact_id(),
  primary key (tenant, change)
);
create table change_member (
  tenant integer not null,
  change bigint not null,
  id uuid not null,
  added boolean not null,
  primary key (tenant, change, id)
);

-- What all instances over this database share, such as the key that seals cursors.
create table shared (
  name text collate "C" primary key,
  value text not null
);
