-- Which streams are polled.
alter table endpoint add column is_polled integer not null default 0;
update endpoint set is_polled = 1 where kind = 'stream' and options like '%"method":"poll"%';
-- How long receivers took to accept events: attempts by slices of time and lengths.
create table delivery_time (
  endpoint integer not null references endpoint on delete cascade,
  -- where the slice begins
  since integer not null,
  -- the number of the length, which grows with it
  bucket integer not null,
  attempts integer not null,
  primary key (endpoint, since, bucket)
) strict, without rowid;
-- Tokens of the change feed are listed as they were issued, whatever the number of other tokens. The index is of all
-- scopes: beside one with a condition such as scope = 'feed', SQLite prepares each statement that compares the scope with
-- a parameter again for each new value, to see whether the index serves it.
create index token_of_scope on token (scope, created, id);
