-- What logged requests are about: users, by the keyed digests of their names, and resources, by their ids. The rows are in
-- runs, one after the other, so that those of a batch are written to few pages: the requests of an hour are a run, and
-- those of a large batch. They replace provisioning_user and the index of resources.
create table provisioning_run (
  tenant integer not null,
  run integer not null,
  primary key (tenant, run)
) strict, without rowid;
create table provisioning_about (
  tenant integer not null,
  run integer not null,
  -- a digest as a number, or the id of a resource
  about text not null,
  entry integer not null,
  primary key (tenant, run, about, entry)
) strict, without rowid;
-- The digests again, separated by commas, for streams of the log.
alter table provisioning add column digests text;

-- An hour is 3600000 << 15 positions.
insert into provisioning_about (tenant, run, about, entry)
  select tenant, entry - entry % 117964800000, cast(digest as text), entry from provisioning_user
  union
  select tenant, entry - entry % 117964800000, resource, entry from provisioning where resource is not null;
insert into provisioning_run (tenant, run) select distinct tenant, run from provisioning_about;
drop table provisioning_user;
drop index provisioning_of_resource;
