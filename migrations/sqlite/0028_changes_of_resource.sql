-- PostgreSQL gets an index of changes that begins with the key of the resource; SQLite has statistics for its own. The
-- number is that of the file for PostgreSQL.
select 1;
