"""Measures how long tables are locked: for each, a session repeatedly updates or reads one row."""
import subprocess
import threading
import time

# After each statement a notice has the longest duration so far, in seconds.
LOOP = """
create or replace procedure pg_temp.probe() language plpgsql as $$
declare
  began timestamptz; longest double precision := 0;
begin
  loop
    began := clock_timestamp();
    {statement};
    commit;
    longest := greatest(longest, extract(epoch from clock_timestamp() - began));
    raise notice '%', longest;
    perform pg_sleep(0.005);
    commit;
  end loop;
end $$;
call pg_temp.probe();
"""
# A row that no other session changes: the first.
UPDATE = (
    "update {table} set {column} = {column} where ctid = (select ctid from {table} {order} limit 1)"
)
TABLES = {
    "resource": ("version", "order by tenant, seq"),
    "attribute_value": ("element", "where not is_unique order by tenant, attribute, key"),
    "member": ("member_seq", "order by tenant, group_seq, member_seq"),
    "change": ("version", "order by tenant, change"),
    "change_member": ("added", "order by tenant, change, id"),
    "provisioning": ("micros", "order by tenant, entry"),
}
# Every request reads these; only the upgrade changes them here.
READ = "perform 1 from {table} limit 1"
READ_TABLES = ("tenant", "token")


class Probe(threading.Thread):
    """One session; its notices have the longest duration so far."""

    def __init__(self, bin, url, statement):
        super().__init__(daemon=True)
        command = [f"{bin}/psql", "-X", "-q", "-d", url, "-f", "-"]
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.text = LOOP.format(statement=statement)
        self.longest, self.count, self.problem = 0.0, 0, ""

    def run(self):
        self.child.stdin.write(self.text)
        self.child.stdin.close()
        for line in self.child.stderr:
            if "NOTICE:" in line:
                self.longest, self.count = float(line.rsplit(" ", 1)[1]), self.count + 1
            else:
                self.problem += line

    def finish(self):
        # Waits for the running statement, so that every wait is counted.
        seen = self.count
        while self.is_alive() and self.count == seen:
            time.sleep(0.01)
        self.child.kill()
        self.join()
        if self.count < 20:
            raise RuntimeError(f"a probe ran {self.count} times only: {self.problem[:300]}")
        return self.longest


class Probes:
    """A probe for each table."""

    def __init__(self, bin, url):
        statements = {
            table: UPDATE.format(table=table, column=column, order=order) for table, (column, order) in TABLES.items()
        }
        statements.update((table, READ.format(table=table)) for table in READ_TABLES)
        self.probes = {table: Probe(bin, url, statement) for table, statement in statements.items()}

    def start(self):
        for probe in self.probes.values():
            probe.start()

    def finish(self):
        """The longest wait for each table, in seconds."""
        return {table: probe.finish() for table, probe in self.probes.items()}
