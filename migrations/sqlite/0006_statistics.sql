-- What SQLite is to think of the tables: many rows in a tenant, few to a value. Without statistics it
-- takes a tenant for ten rows, and reads all of it rather than look a value up. They are fixed, so that
-- plans are the same in every database.
analyze tenant;
delete from sqlite_stat1;
insert into sqlite_stat1 (tbl, idx, stat) values
  ('tenant', 'sqlite_autoindex_tenant_1', '100 1'),
  ('resource', 'sqlite_autoindex_resource_1', '1000000 10000 1'),
  ('resource', 'resource_id', '1000000 10000 1'),
  ('resource', 'resource_lookup_1', '1000000 10000 1'),
  ('resource', 'resource_lookup_2', '1000000 10000 1'),
  ('resource', 'resource_lookup_3', '1000000 10000 1'),
  ('member', 'member', '2000000 20000 20 1'),
  ('member', 'member_of', '2000000 20000 2 1');
analyze sqlite_schema;
