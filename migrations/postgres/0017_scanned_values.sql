-- step: a column for the values that are searched without an index
-- Valid while scanned_revision is the revision of the resource; before that its values have rows in attribute_value,
-- which are moved in the background and with the next write of the resource.
alter table resource
  add column if not exists scanned text,
  add column if not exists scanned_revision bigint;

-- step: room for updates on the pages of resources
-- Documents take 1 to 2 KB: with less room the first update of a row leaves its page. It holds for pages that are filled
-- from now on; those that are full get room as their rows are updated and vacuumed.
alter table resource set (fillfactor = 76);
