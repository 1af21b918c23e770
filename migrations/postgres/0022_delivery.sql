-- step: which streams are polled, and how long receivers take
alter table endpoint add column if not exists is_polled boolean not null default false;
update endpoint set is_polled = true where kind = 'stream' and options like '%"method":"poll"%';
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
