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
-- Tokens of the change feed are listed as they were issued, whatever the number of other tokens.
create index token_of_feed on token (created, id) where scope = 'feed';
