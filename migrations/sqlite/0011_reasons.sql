-- Requests by the users that they are about: keyed digests of user names, which cannot be read back.
create table provisioning_user (
  tenant integer not null,
  digest integer not null,
  entry integer not null,
  primary key (tenant, digest, entry)
) strict, without rowid;
create index provisioning_user_entry on provisioning_user (tenant, entry);

-- Requests that were refused or failed, of one tenant and across tenants. Filled from the index of
-- before, which it replaces; the log itself is not read as a whole.
create table provisioning_failure (
  tenant integer not null,
  entry integer not null,
  primary key (tenant, entry)
) strict, without rowid;
create index provisioning_failure_entry on provisioning_failure (entry, tenant);
insert into provisioning_failure (tenant, entry)
  select tenant, entry from provisioning where status >= 400 and not (status = 404 and method in ('GET', 'HEAD'));
drop index provisioning_failed;

-- What a request meant, what became of it, and why; null in the rows of before.
alter table provisioning add column action text;
alter table provisioning add column outcome text;
alter table provisioning add column reason text;
-- that the token is the tenant's was not shown, only that its public part is
alter table provisioning add column unproved integer;

-- Whom the customer asks, in place of the server's contact.
alter table tenant add column support text;
-- The token that was issued in place of this one.
alter table token add column successor text;
