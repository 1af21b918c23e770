-- index change_of_seq: an index of the changes of a resource that begins with its key
-- While PostgreSQL expected few changes, it could take the former one, which begins with the tenant, for the primary key:
-- a read of the feed then read all changes of the tenant for each event.
create index concurrently change_of_seq on {schema}.change (seq, tenant, version);

-- outside: without the index that it replaces
drop index concurrently if exists {schema}.change_of_resource;
