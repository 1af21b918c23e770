-- PostgreSQL gathers its statistics by itself; the number is that of the file for SQLite.
select 1;
