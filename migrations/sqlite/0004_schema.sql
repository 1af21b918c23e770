-- Schemas that were added while servers run: those of one tenant or, without one, of all.
create table schema_file (
  tenant integer references tenant on delete cascade,
  -- in lower case
  urn text not null,
  document text not null,
  -- the number of its last change among those of all schemas
  change integer not null
) strict;
create unique index schema_file_of on schema_file (coalesce(tenant, 0), urn);

-- Counts what changes the schemas of a tenant: a write that was made under other ones is made anew.
alter table tenant add column schema_revision integer not null default 1;
