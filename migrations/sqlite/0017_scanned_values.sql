-- The values that are searched without an index. Valid while scanned_revision is the revision of the resource; before that
-- its values have rows in attribute_value, which are moved in the background and with the next write of the resource.
alter table resource add column scanned text;
alter table resource add column scanned_revision integer;
