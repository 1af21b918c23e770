-- running_until: while a request still runs after its act took effect, its instance moves this on; null: it has ended
alter table kept_answer add column running_until integer;
