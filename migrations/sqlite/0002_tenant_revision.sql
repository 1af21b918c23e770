-- Counts the changes of a tenant's settings and schemas: what was made of them earlier is good as
-- long as the number is the same.
alter table tenant add column revision integer not null default 1;
