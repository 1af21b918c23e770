-- step: the tables of what logged requests are about
-- Users, by the keyed digests of their names, and resources, by their ids. The rows are in runs, one after the other, so
-- that those of a batch are written to few pages: the requests of an hour are a run, and those of a large batch. They
-- replace provisioning_user and the index of resources.
create table if not exists provisioning_run (
  tenant integer not null,
  run bigint not null,
  primary key (tenant, run)
);
create table if not exists provisioning_about (
  tenant integer not null,
  run bigint not null,
  -- a digest as a number, or the id of a resource
  about text collate "C" not null,
  entry bigint not null,
  primary key (tenant, run, about, entry)
);
-- The digests again, separated by commas, for streams of the log.
alter table provisioning add column if not exists digests text;
-- For the case that this migration was interrupted after its last step.
create table if not exists provisioning_user (
  tenant integer not null,
  digest bigint not null,
  entry bigint not null,
  primary key (tenant, digest, entry)
);

-- step: one trigger for the requests that earlier instances log during the upgrade
-- Instances of scimd 0.1.0 that still run write no outcome and know neither provisioning_failure nor provisioning_about. An
-- hour is 3600000 << 15 positions.
create or replace function provisioning_of_former_release() returns trigger language plpgsql as $$
begin
  if new.status >= 400 and not (new.status = 404 and new.method in ('GET', 'HEAD')) then
    insert into provisioning_failure (tenant, entry) values (new.tenant, new.entry) on conflict do nothing;
  end if;
  if new.resource is not null then
    insert into provisioning_run (tenant, run) values (new.tenant, new.entry - new.entry % 117964800000) on conflict do nothing;
    insert into provisioning_about (tenant, run, about, entry)
      values (new.tenant, new.entry - new.entry % 117964800000, new.resource, new.entry) on conflict do nothing;
  end if;
  return null;
end $$;
drop trigger if exists provisioning_failure_of_row on provisioning;
drop trigger if exists provisioning_of_former_release on provisioning;
create trigger provisioning_of_former_release after insert on provisioning for each row
  when (new.outcome is null) execute function provisioning_of_former_release();
drop function if exists provisioning_failure_of_row();

-- slices: the users of requests that were logged before
with slice as (
  select distinct tenant, entry from provisioning_user where (tenant, entry) > ($1, $2) order by tenant, entry limit 5000
), runs as (
  insert into provisioning_run (tenant, run)
  select distinct tenant, entry - entry % 117964800000 from slice on conflict do nothing
), filled as (
  insert into provisioning_about (tenant, run, about, entry)
  select u.tenant, u.entry - u.entry % 117964800000, cast(u.digest as text), u.entry
  from slice join provisioning_user u on u.tenant = slice.tenant and u.entry = slice.entry on conflict do nothing
)
select cast(tenant as bigint), entry from slice order by tenant desc, entry desc limit 1;

-- slices: the resources of requests that were logged before
with slice as (
  select tenant, entry, resource from provisioning where (tenant, entry) > ($1, $2) order by tenant, entry limit 5000
), runs as (
  insert into provisioning_run (tenant, run)
  select distinct tenant, entry - entry % 117964800000 from slice where resource is not null on conflict do nothing
), filled as (
  insert into provisioning_about (tenant, run, about, entry)
  select tenant, entry - entry % 117964800000, resource, entry from slice where resource is not null on conflict do nothing
)
select cast(tenant as bigint), entry from slice order by tenant desc, entry desc limit 1;

-- step: without the table that the new ones replace
drop table if exists provisioning_user;

-- outside: without the index that they replace
drop index concurrently if exists {schema}.provisioning_of_resource;
