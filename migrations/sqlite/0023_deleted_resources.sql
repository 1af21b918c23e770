-- Deleted resources that still have rows in the index. A deletion takes unique values out of attribute_value. The other
-- rows are removed in the background, and until then nobody sees them. index_rows: attribute, element, key and tail of
-- each, as JSON.
create table deleted_resource (
  tenant integer not null,
  seq integer not null,
  index_rows text not null,
  primary key (tenant, seq)
) strict, without rowid;
