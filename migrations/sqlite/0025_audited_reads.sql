-- once_key: a digest of actor, object and hour of a read, which has one row; null: every act has its row
alter table audit add column once_key text;
create unique index audit_once on audit (once_key) where once_key is not null;
