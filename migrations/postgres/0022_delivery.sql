-- step: a column for the streams that are polled
alter table endpoint add column if not exists is_polled boolean not null default false;
-- slices: which streams are polled
with slice as (
  select endpoint from endpoint where (endpoint, 0) > ($1, $2) order by endpoint limit 1000
), filled as (
  update endpoint e set is_polled = true from slice
  where e.endpoint = slice.endpoint and e.kind = 'stream' and e.options like '%"method":"poll"%'
)
select cast(endpoint as bigint), cast(0 as bigint) from slice order by endpoint desc limit 1;
-- step: how long receivers take
-- How long receivers took to accept events: attempts by slices of time and lengths.
create table if not exists delivery_time (
  endpoint integer not null references endpoint on delete cascade,
  -- where the slice begins
  since bigint not null,
  -- the number of the length, which grows with it
  bucket bigint not null,
  attempts bigint not null,
  primary key (endpoint, since, bucket)
);
-- index token_of_feed: the index of tokens of the change feed
-- Tokens of the change feed are listed as they were issued, whatever the number of other tokens.
create index concurrently token_of_feed on {schema}.token (created, id) where scope = 'feed';
