-- Statistics of the change log and the feed. Without them SQLite reads all changes of a tenant to find those of one
-- resource, so that each part of an import takes longer than the one before. As for the other tables they are fixed.
insert into sqlite_stat1 (tbl, idx, stat) values
  ('change', 'change', '1000000 10000 1'),
  ('change', 'change_deletion', '100000 1000 1'),
  ('change', 'change_of_resource', '1000000 10000 3 1'),
  ('change_member', 'change_member', '2000000 20000 10 1'),
  ('feed', 'feed_of_tenant', '1000000 10000 1'),
  ('feed', 'feed_of_change', '1000000 1 1');
analyze sqlite_schema;
