-- Schema and resource type files of the configuration, which all tenants have: what the last start of a
-- server that names a folder found in it. A schema here goes before one of its URN in schema_file.
create table configured_schema (
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
create table former_attribute (
  tenant integer references tenant on delete cascade,
  urn text collate "C" not null,
  name text collate "C" not null
);
create unique index former_attribute_of on former_attribute (coalesce(tenant, 0), urn, name);

-- Where the versions of a resource have come to that was deleted: one that comes again goes on from there.
create index change_deletion on change (tenant, id) where action = 'delete';
