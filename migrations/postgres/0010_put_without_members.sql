-- What a PUT without members does to a group: keep or clear.
alter table tenant add column put_without_members text not null default 'keep';
