-- step: the tables of logged requests by user, and of those that were refused or failed
-- Requests by the users that they are about: keyed digests of user names, which cannot be read back.
create table if not exists provisioning_user (
  tenant integer not null,
  digest bigint not null,
  entry bigint not null,
  primary key (tenant, digest, entry)
);
create index if not exists provisioning_user_entry on provisioning_user (tenant, entry);
-- Requests that were refused or failed, of one tenant and across tenants.
create table if not exists provisioning_failure (
  tenant integer not null,
  entry bigint not null,
  primary key (tenant, entry)
);
create index if not exists provisioning_failure_entry on provisioning_failure (entry, tenant);

-- step: the meaning, outcome and reason of logged requests
-- What a request meant, what became of it, and why; null in the rows of before.
alter table provisioning
  add column if not exists action text,
  add column if not exists outcome text,
  add column if not exists reason text,
  -- that the token is the tenant's was not shown, only that its public part is
  add column if not exists unproved boolean;

-- step: the support contact of a tenant
-- Whom the customer asks, in place of the server's contact.
alter table tenant add column if not exists support text;

-- step: the successor of a token
-- The token that was issued in place of this one.
alter table token add column if not exists successor text;

-- step: a trigger for the failures that earlier instances log during the upgrade
-- Instances of scimd 0.1.0 that still run write no outcome and do not know provisioning_failure.
create or replace function provisioning_failure_of_row() returns trigger language plpgsql as $$
begin
  insert into provisioning_failure (tenant, entry) values (new.tenant, new.entry) on conflict do nothing;
  return null;
end $$;
drop trigger if exists provisioning_failure_of_row on provisioning;
create trigger provisioning_failure_of_row after insert on provisioning for each row
  when (new.outcome is null and new.status >= 400 and not (new.status = 404 and new.method in ('GET', 'HEAD')))
  execute function provisioning_failure_of_row();

-- slices: the failures that were logged before
with slice as (
  select tenant, entry, status, method from provisioning
  where status >= 400 and (tenant, entry) > ($1, $2) order by tenant, entry limit 5000
), filled as (
  insert into provisioning_failure (tenant, entry)
  select tenant, entry from slice where not (status = 404 and method in ('GET', 'HEAD')) on conflict do nothing
)
select cast(tenant as bigint), entry from slice order by tenant desc, entry desc limit 1;

-- outside: without the index of failures, which the new table replaces
drop index concurrently if exists {schema}.provisioning_failed;
