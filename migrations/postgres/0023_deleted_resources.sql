-- step: the table of deleted resources that still have rows in the index
-- A deletion takes unique values out of attribute_value. The other rows are removed in the background, and until then
-- nobody sees them. index_rows: attribute, element, key and tail of each, as JSON.
create table if not exists deleted_resource (
  tenant integer not null,
  seq bigint not null,
  index_rows text not null,
  primary key (tenant, seq)
);
