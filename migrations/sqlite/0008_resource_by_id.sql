-- PostgreSQL's index by id begins with the id; SQLite is told its ways. The number is that of the file for
-- PostgreSQL.
select 1;
