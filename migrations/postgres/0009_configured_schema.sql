-- step: the tables of configured schemas and of former attributes
-- Schema and resource type files of the configuration, which all tenants have: what the last start of a
-- server that names a folder found in it. A schema here goes before one of its URN in schema_file.
create table if not exists configured_schema (
  -- the URN in lower case; of a resource type its name, after "type "
  urn text collate "C" primary key,
  -- path of the file
  origin text collate "C" not null,
  document text not null,
  -- the number of its last change among those of all schemas
  change bigint not null
);
-- Attributes that schemas of a URN have had, of one tenant or, without one, of all. Resources may hold
-- values of those that no schema of the URN has any more; nobody sees them.
create table if not exists former_attribute (
  tenant integer references tenant on delete cascade,
  urn text collate "C" not null,
  name text collate "C" not null
);
create unique index if not exists former_attribute_of on former_attribute (coalesce(tenant, 0), urn, name);

-- index change_deletion: the index of deletions in the change log
-- Where the versions of a resource have come to that was deleted: one that comes again goes on from there.
create index concurrently change_deletion on {schema}.change (tenant, id) where action = 'delete';
