-- The id first: while nothing is known of the table, an index that begins with the tenant seems as good
-- for a row by its key as the primary key is, and a plan that takes it reads the whole tenant.
drop index resource_id;
create unique index resource_id on resource (id, tenant);
