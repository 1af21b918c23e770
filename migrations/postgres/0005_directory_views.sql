-- Values by which the application looks up a user or a group: written with the document, by the
-- paths that `shared` has under the name lookups. An index over the document itself would be
-- written with every change of a document; these only when the value changes.
alter table resource
  add column lookup_1 text collate "C",
  add column lookup_2 text collate "C",
  add column lookup_3 text collate "C";
create index resource_lookup_1 on resource (tenant, lookup_1) where lookup_1 is not null;
create index resource_lookup_2 on resource (tenant, lookup_2) where lookup_2 is not null;
create index resource_lookup_3 on resource (tenant, lookup_3) where lookup_3 is not null;
