-- running_until: while a request still runs after its act took effect, its instance moves this on; null: it has ended
alter table kept_answer add column if not exists running_until bigint;
