-- The change feed: each change with the state after it, and one order over all changes.

-- step: the state in the change log
-- document: the attributes after the change, of a deletion the last ones. was: the changed attributes as they were,
-- as JSON. created: when the resource was created. request: id of the request that asked for it, with :n for
-- operation n of a bulk request. members: rows in change_member.
alter table change
  add column if not exists document text,
  add column if not exists was text,
  add column if not exists created bigint,
  add column if not exists request text,
  add column if not exists members integer not null default 0;

-- step: the types of members in the change log
alter table change_member add column if not exists kind integer;

-- step: tokens of all tenants
alter table token alter column tenant drop not null;

-- step: the tables of the feed
-- One order over the changes of all tenants. Rows are numbered after their commit; see store/changes/number.rs.
create table if not exists feed (
  position bigint primary key,
  tenant integer not null,
  change bigint not null
);
create index if not exists feed_of_tenant on feed (tenant, position);
create unique index if not exists feed_of_change on feed (change, tenant);
-- Where numbering has come to: the newest row counts, and rows are never updated.
create table if not exists pass (
  pass bigint primary key,
  position bigint not null,
  snapshot pg_snapshot not null,
  at bigint not null
);
-- What was visible at this moment is not in the feed.
insert into pass (pass, position, snapshot, at)
  values (1, 0, pg_current_snapshot(), cast(extract(epoch from now()) * 1000000 as bigint)) on conflict do nothing;

-- index change_transaction: the index of changes by transaction
-- Passes find by it what was not visible before.
create index concurrently change_transaction on {schema}.change (transaction);

-- index change_of_resource: the index of the changes of a resource
create index concurrently change_of_resource on {schema}.change (tenant, seq, version);
