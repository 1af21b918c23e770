-- step: a column for acts that are recorded once
-- once_key: a digest of actor, object and hour of a read, which has one row; null: every act has its row
alter table audit add column if not exists once_key text collate "C";
-- index audit_once: the index of acts that are recorded once
create unique index concurrently audit_once on {schema}.audit (once_key) where once_key is not null;
