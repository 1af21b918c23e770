create table tenant (
  tenant integer primary key autoincrement,
  name text not null unique,
  status text not null default 'active',
  conformance text not null default 'lenient',
  username_format text not null default 'any',
  unique_group_names integer not null default true,
  password_policy text not null default 'discard',
  base_url text,
  -- seats: the limit of active users; used: how many take one, kept only while there is a limit
  seats integer,
  used integer not null default 0,
  created integer not null
) strict;

create table token (
  id text primary key,
  tenant integer not null references tenant on delete cascade,
  name text not null,
  secret_digest text not null,
  scope text not null,
  created integer not null,
  expires integer,
  last_used integer,
  revoked integer
) strict, without rowid;
create index token_of_tenant on token (tenant);

-- Short numbers for the names that every index row carries.
create table kind (
  kind integer primary key autoincrement,
  name text not null unique
) strict;
create table attribute (
  attribute integer primary key autoincrement,
  kind integer not null references kind,
  path text not null,
  unique (kind, path)
) strict;

-- seq: made by the server from kind, time and a counter, so that one index serves joins, the
-- list of a type in order of creation, and its pages.
create table resource (
  tenant integer not null references tenant,
  seq integer not null,
  id text not null,
  -- the attributes as they are rendered; the database never looks inside
  document text not null,
  display text,
  display_key text,
  password text,
  takes_seat integer not null,
  -- version counts every change, revision those of the document
  version integer not null,
  revision integer not null,
  created integer not null,
  modified integer not null,
  primary key (tenant, seq)
) strict;
create unique index resource_id on resource (tenant, id);

-- One row for each searchable value. Unique values have an index of their own, so that each
-- row stands in one index.
create table attribute_value (
  tenant integer not null,
  attribute integer not null,
  element integer not null,
  is_unique integer not null,
  seq integer not null,
  key text not null,
  -- what of a long key does not fit an index
  tail text
) strict;
create index attribute_value_search on attribute_value (tenant, attribute, key, seq, element) where not is_unique;
create unique index attribute_value_unique on attribute_value (tenant, attribute, key) where is_unique;

create table member (
  tenant integer not null,
  group_seq integer not null,
  member_seq integer not null,
  primary key (tenant, group_seq, member_seq),
  foreign key (tenant, group_seq) references resource (tenant, seq) deferrable initially deferred,
  foreign key (tenant, member_seq) references resource (tenant, seq) deferrable initially deferred
) strict, without rowid;
create index member_of on member (tenant, member_seq, group_seq);

-- Live resources by type, and how many were deleted, in shards so that no row is hot.
create table counter (
  tenant integer not null,
  kind integer not null,
  shard integer not null,
  live integer not null,
  active integer not null,
  gone integer not null,
  primary key (tenant, kind, shard)
) strict, without rowid;

-- Every change, written in its transaction.
create table change (
  tenant integer not null,
  change integer not null,
  seq integer not null,
  id text not null,
  version integer not null,
  action text not null,
  attributes text not null,
  token text,
  at integer not null,
  primary key (tenant, change)
) strict, without rowid;
create table change_member (
  tenant integer not null,
  change integer not null,
  id text not null,
  added integer not null,
  primary key (tenant, change, id)
) strict, without rowid;

-- What all instances over this database share, such as the key that seals cursors.
create table shared (
  name text primary key,
  value text not null
) strict;
