-- The change feed: each change with the state after it, and one order over all changes.

-- document: the attributes after the change, of a deletion the last ones. was: the changed attributes as they were,
-- as JSON. created: when the resource was created. request: id of the request that asked for it, with :n for
-- operation n of a bulk request. members: rows in change_member.
alter table change add column document text;
alter table change add column was text;
alter table change add column created integer;
alter table change add column request text;
alter table change add column members integer not null default 0;
alter table change_member add column kind integer;
create index change_of_resource on change (tenant, seq, version);

-- One order over the changes of all tenants. There is one writer, so a change is numbered with its insertion. A
-- position is never used again.
create table feed (
  position integer primary key autoincrement,
  tenant integer not null,
  change integer not null
) strict;
create index feed_of_tenant on feed (tenant, position);
create unique index feed_of_change on feed (change, tenant);
create trigger change_position after insert on change begin
  insert into feed (tenant, change) values (new.tenant, new.change);
end;

-- A token of all tenants has no tenant.
create table token_of_any (
  id text primary key,
  tenant integer references tenant on delete cascade,
  name text not null,
  secret_digest text not null,
  scope text not null,
  created integer not null,
  expires integer,
  last_used integer,
  revoked integer,
  successor text
) strict, without rowid;
insert into token_of_any (id, tenant, name, secret_digest, scope, created, expires, last_used, revoked, successor)
  select id, tenant, name, secret_digest, scope, created, expires, last_used, revoked, successor from token;
drop table token;
alter table token_of_any rename to token;
create index token_of_tenant on token (tenant);
create index token_ending on token (expires, id) where revoked is null;
