"""Set-up of tests/ha/run: starts it, causes failures under load, checks the results. Prints "N passed, M failed" last."""
import json
import os
import pathlib
import string
import subprocess
import sys
import time
import urllib.request

from load import Load
from process import Process, check, conduct, free_ports, get, kill_leftovers, until

SCIMD, BIN, WORK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "high-availability"
WRITERS = 8
# Maximum delay of an instance after Patroni has promoted the standby.
GRACE = 2.0


class Etcd:
    def __init__(self):
        ports = free_ports(6)
        self.clients, peers = ports[:3], ports[3:]
        cluster = ",".join(f"etcd{number}=http://127.0.0.1:{port}" for number, port in enumerate(peers))
        self.members = []
        for number, (client, peer) in enumerate(zip(self.clients, peers)):
            own, others = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
            command = ["etcd", "--name", f"etcd{number}", "--data-dir", WORK / f"etcd{number}"]
            command += ["--listen-client-urls", own, "--advertise-client-urls", own]
            command += ["--listen-peer-urls", others, "--initial-advertise-peer-urls", others]
            command += ["--initial-cluster", cluster, "--initial-cluster-state", "new"]
            self.members.append(Process(WORK, f"etcd{number}", command))
        until("etcd has a leader", 30, self.leader)

    def hosts(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.clients)

    def leader(self):
        """The current leader."""
        for member, port in zip(self.members, self.clients):
            if member.child.poll() is None:
                request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/maintenance/status", b"{}")
                with urllib.request.urlopen(request, timeout=2) as answer:
                    status = json.loads(answer.read())
                if status.get("leader") and status["leader"] == status["header"]["member_id"]:
                    return member
        return None


class Node:
    """A PostgreSQL node under Patroni."""

    def __init__(self, name, etcd):
        self.name, (self.port, self.rest) = name, free_ports(2)
        folder = WORK / name
        folder.mkdir()
        text = string.Template((EXAMPLES / "patroni.yml").read_text()).substitute(
            name=name, address="127.0.0.1", network="127.0.0.1/32", rest_port=self.rest, port=self.port,
            etcd_hosts=etcd.hosts(), data_dir=folder / "data", bin_dir=BIN, pgpass=folder / "pgpass", socket_dir=folder,
            postgres_password="postgres", replicator_password="replicator", rewinder_password="rewinder",
        )  # fmt: skip
        (folder / "patroni.yml").write_text(text)
        subprocess.run(["chown", "-R", "postgres:", folder], check=True)
        self.process = Process(WORK, name, ["patroni", folder / "patroni.yml"], user="postgres")

    def role(self):
        try:
            return get(f"http://127.0.0.1:{self.rest}/patroni")
        except OSError:
            return {}

    def is_primary(self):
        role = self.role()
        return role.get("role") in ("master", "primary") and role.get("state") == "running"

    def is_synchronous(self):
        return self.role().get("sync_standby") is True

    def sql(self, text, database="postgres"):
        command = [f"{BIN}/psql", "-X", "-q", "-At", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", database]
        environment = {"PGPASSWORD": "postgres", "PATH": os.environ["PATH"]}
        return subprocess.run(
            [str(part) for part in command + ["-c", text]], env=environment, check=True, capture_output=True, text=True
        ).stdout


class Rig:
    def __init__(self):
        self.etcd = Etcd()
        self.nodes = [Node("a", self.etcd)]
        until("a primary", 60, self.primary)
        self.nodes.append(Node("b", self.etcd))
        until("a synchronous standby", 60, self.standby)
        self.primary().sql("create role scimd login password 'scimd'")
        self.primary().sql("create database scimd owner scimd")
        self.ports = free_ports(2)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        self.environment = {
            "SCIMD_DATABASE_URL": f"postgres://scimd:scimd@{hosts}/scimd",
            "SCIMD_LIMITS__REQUESTS_PER_SECOND": "100000",
            "SCIMD_LIMITS__BURST": "100000",
        }
        self.servers = [self.server(number) for number in range(2)]
        self.front = free_ports(1)[0]
        text = string.Template((EXAMPLES / "haproxy.cfg").read_text()).substitute(
            listen=f"127.0.0.1:{self.front}", admin=WORK / "haproxy.sock", scimd1=f"127.0.0.1:{self.ports[0]}", scimd2=f"127.0.0.1:{self.ports[1]}"
        )
        (WORK / "haproxy.cfg").write_text(text)
        self.haproxy = Process(WORK, "haproxy", ["haproxy", "-f", WORK / "haproxy.cfg"])
        until("an instance is ready", 60, lambda: get(f"http://127.0.0.1:{self.front}/readyz") is not None)
        self.token = self.scimd("token", "issue", "--name", "ha").strip()

    def server(self, number):
        command = [SCIMD, "serve", "--listen", f"127.0.0.1:{self.ports[number]}"]
        return Process(WORK, f"scimd{number}", command, environment=self.environment)

    def run_scimd(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(WORK), **self.environment}
        return subprocess.run([SCIMD, *arguments], env=environment, capture_output=True, text=True)

    def scimd(self, *arguments):
        """Output of a command, which must succeed."""
        done = self.run_scimd(*arguments)
        done.check_returncode()
        return done.stdout

    def primary(self):
        return next((node for node in self.nodes if node.is_primary()), None)

    def standby(self):
        return next((node for node in self.nodes if node.is_synchronous()), None)

    def fault(self, name, break_it, is_over, mend, allowed):
        """Stops a part under load; `is_over` returns whether the set-up has recovered; `mend` restarts the part."""
        load = Load(name.replace(" ", "-"), ("127.0.0.1", self.front), self.token, WRITERS)
        load.start()
        until(f"{name}: writes before the fault", 30, lambda: load.acknowledged() > 200)
        broken = time.monotonic()
        break_it()
        recovered = until(f"{name}: recovery", 90, is_over) and time.monotonic()
        until(f"{name}: a write after it", 60, lambda: load.last_acknowledged() > recovered)
        until(f"{name}: writes go on", 30, lambda: time.monotonic() > recovered + 5)
        load.finish()
        took, refused = recovered - broken, load.longest_refusal(broken, time.monotonic())
        mend()
        until(f"{name}: a synchronous standby again", 120, lambda: self.primary() and self.standby())
        lost, wrong = load.lost(), load.wrong()
        check(f"{name}: nothing acknowledged is lost", not lost, f"({load.acknowledged()} users) {lost[:3] or ''}")
        check(f"{name}: every other answer was 429 or 503", not wrong, str(wrong[:3] or ""))
        limit = (took if allowed is None else allowed) + GRACE
        figures = f"({refused:.1f} s; the set-up took {took:.1f} s)"
        check(f"{name}: writes were refused for {limit:.1f} s at most", refused <= limit, figures)

    def stop(self):
        processes = [self.haproxy, *self.servers, *(node.process for node in self.nodes), *self.etcd.members]
        for process in processes:
            process.kill()


def run(rig):
    def lose_primary():
        victim = rig.primary()
        rig.fault(
            "primary killed", victim.process.kill, lambda: rig.primary() not in (None, victim), victim.process.start, None
        )

    def lose_etcd_leader():
        victim = rig.etcd.leader()
        rig.fault("etcd leader killed", victim.kill, rig.etcd.leader, victim.start, 0)

    def lose_instance():
        victim = rig.servers[0]
        rig.fault("instance killed", victim.kill, lambda: True, victim.start, 0)

    for fault in (lose_primary, lose_etcd_leader, lose_instance):
        fault()
    verified = rig.run_scimd("verify")
    check("scimd verify finds nothing", verified.returncode == 0, verified.stderr.strip())


def end(rig):
    if rig:
        rig.stop()
    kill_leftovers(WORK)


conduct(Rig, run, end, WORK)
