"""Set-up of tests/upgrade/run: replaces the instances under load, checks the results. Prints "N passed, M failed" last."""
import os
import pathlib
import signal
import socket
import string
import subprocess
import sys
import time

from client import Clients
from lock import Probes
from process import Process, check, conduct, free_ports, get, until
from seed import Server, seed

FROM, TO, BIN, URL, WORK, USERS = *sys.argv[1:5], pathlib.Path(sys.argv[5]), int(sys.argv[6])
EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "high-availability"
CLIENTS = 8
# Maximum seconds for which a migration may hold a lock.
LOCKED = 1.0
# Seconds for which a stopping instance still responds: HAProxy detects the stop within one.
DELAY = 3
# Times that each instance is restarted without that.
STOPS = 3
# Seconds of the measurement before the upgrade, for comparison.
CALM = 10
UNFINISHED = "select count(*) from pg_index where not indisvalid"


class Rig:
    def __init__(self):
        self.sql("create database scimd")
        self.url = URL.rsplit("/", 1)[0] + "/scimd"
        self.ports = free_ports(2)
        self.environment = {
            "SCIMD_DATABASE_URL": self.url,
            "SCIMD_LIMITS__REQUESTS_PER_SECOND": "100000",
            "SCIMD_LIMITS__BURST": "100000",
            "SCIMD_LOG__LEVEL": "info,scimd::request=off",
        }
        self.servers = [self.server(FROM, number) for number in range(2)]
        for number in range(2):
            until("an instance of the release before is ready", 60, lambda: self.is_ready(number))
        self.front = free_ports(1)[0]
        text = string.Template((EXAMPLES / "haproxy.cfg").read_text()).substitute(
            listen=f"127.0.0.1:{self.front}", admin=WORK / "haproxy.sock",
            scimd1=f"127.0.0.1:{self.ports[0]}", scimd2=f"127.0.0.1:{self.ports[1]}",
        )  # fmt: skip
        (WORK / "haproxy.cfg").write_text(text)
        self.haproxy = Process(WORK, "haproxy", ["haproxy", "-f", WORK / "haproxy.cfg"])
        until("both instances take requests", 60, lambda: self.backends() == {"scimd1": "UP", "scimd2": "UP"})
        self.token = self.scimd(FROM, "token", "issue", "--name", "upgrade").stdout.strip()

    def sql(self, text, url=URL):
        """Runs statements; returns their output."""
        command = [f"{BIN}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"]
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout.strip()

    def number(self, query):
        return int(self.sql(query, self.url))

    def server(self, program, number, delay=0):
        command = [program, "serve", "--listen", f"127.0.0.1:{self.ports[number]}"]
        environment = dict(self.environment)
        if delay:
            environment["SCIMD_SERVER__SHUTDOWN_DELAY_SECONDS"] = str(delay)
        return Process(WORK, f"scimd{number + 1}", command, environment=environment)

    def is_ready(self, number):
        return get(f"http://127.0.0.1:{self.ports[number]}/readyz") is not None

    def scimd(self, program, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(WORK), **self.environment}
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)

    def balancer(self, command):
        """Response of HAProxy to a command."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(WORK / "haproxy.sock"))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def rows(self):
        header, *lines = self.balancer("show stat scimd 4 -1").removeprefix("# ").strip().splitlines()
        return [dict(zip(header.split(","), line.split(","))) for line in lines]

    def backends(self):
        """State of each instance in HAProxy."""
        return {row["svname"]: row["status"] for row in self.rows()}

    def take_out(self, number):
        """Drains the instance: afterwards it has no request in progress and gets no new one."""
        name = f"scimd{number + 1}"
        self.balancer(f"set server scimd/{name} state drain")
        until("no request is under way", 60, lambda: [row["scur"] for row in self.rows() if row["svname"] == name] == ["0"])

    def put_in(self, number):
        name = f"scimd{number + 1}"
        self.balancer(f"set server scimd/{name} state ready")
        until("the instance takes requests", 60, lambda: self.backends()[name] == "UP")

    def stop(self, number):
        """Stops an instance with SIGTERM; returns its exit status."""
        server = self.servers[number]
        os.kill(server.child.pid, signal.SIGTERM)
        return server.child.wait(timeout=40)

    def is_building(self):
        return self.number("select count(*) from pg_stat_progress_create_index") > 0

    def kill_while_it_migrates(self, number):
        """Starts the new program and kills it while it builds an index, which a transaction blocks."""
        holder = [f"{BIN}/psql", "-X", "-q", "-d", self.url, "-c", "begin", "-c", "lock table change in row exclusive mode"]
        holder = subprocess.Popen([*holder, "-c", "select pg_sleep(600)"])
        try:
            server = self.server(TO, number)
            until("an index is being built", 120, self.is_building)
            server.kill()
            # The session of the killed process would complete this.
            self.sql("select pg_terminate_backend(pid) from pg_stat_progress_create_index", self.url)
            until("the index is left unfinished", 30, lambda: self.number(UNFINISHED) == 1)
        finally:
            holder.kill()
            holder.wait()
        self.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)'", self.url)

    def replace(self, number, load):
        before = load.requests()
        self.take_out(number)
        status = self.stop(number)
        check(f"instance {number + 1}: the old program ends in order", status == 0, f"(exit status {status})")
        if number == 0:
            self.kill_while_it_migrates(number)
            check("a start was killed while it built an index", True)
        started = time.monotonic()
        self.servers[number] = self.server(TO, number)
        until("the new program is ready", 1800, lambda: self.is_ready(number))
        print(f"      instance {number + 1}: ready after {time.monotonic() - started:.1f} s", flush=True)
        check(f"instance {number + 1}: requests went on", load.requests() > before, f"({load.requests() - before})")
        self.put_in(number)

    def restart(self, number, load, what, delay=0):
        """Stops an instance of the new program without draining it in the load balancer, and starts it with a delay."""
        failed, before = len(load.failed()), load.requests()
        status = self.stop(number)
        check(f"instance {number + 1}: the new program ends in order", status == 0, f"(exit status {status})")
        self.servers[number] = self.server(TO, number, delay)
        name = f"scimd{number + 1}"
        until("the instance takes requests again", 60, lambda: self.is_ready(number) and self.backends()[name] == "UP")
        failed, requests = len(load.failed()) - failed, load.requests() - before
        check(f"instance {number + 1}: a restart {what} fails no request", failed == 0, f"({failed} of {requests})")

    def stop_all(self):
        for process in [self.haproxy, *self.servers]:
            process.kill()


def run(rig):
    seed(Server(("127.0.0.1", rig.front), rig.token), lambda text: rig.sql(text, rig.url), USERS)
    load = Clients("load", ("127.0.0.1", rig.front), rig.token, CLIENTS)
    load.start()
    until("requests with two old instances", 60, lambda: load.requests() > 500)
    before = Probes(BIN, rig.url)
    before.start()
    time.sleep(CALM)
    calm = before.finish()
    probes = Probes(BIN, rig.url)
    probes.start()
    begun = time.monotonic()
    for number in range(2):
        rig.replace(number, load)
        after = load.requests()
        until("requests with the new instance", 60, lambda: load.requests() > after + 500)
    ended = time.monotonic()
    longest = probes.finish()
    for what, delay in [("without a delay", 0)] * (STOPS - 1) + [("without a delay", DELAY), (f"after {DELAY} s", 0)]:
        for number in range(2):
            rig.restart(number, load, what, delay)
            after = load.requests()
            until("requests after the restart", 60, lambda: load.requests() > after + 500)
    load.finish()
    judge(rig, load)
    for table, seconds in longest.items():
        more = f"(longest wait {seconds * 1000:.0f} ms; in {CALM} s before the upgrade {calm[table] * 1000:.0f} ms)"
        check(f"{table} was not locked for long", seconds < LOCKED, more)
    gap = load.longest_refusal(begun, ended)
    print(f"      {load.requests()} requests: {load.acknowledged()} users created, {load.deleted()} deleted; ", end="")
    print(f"the longest time between two answers, of {CLIENTS} clients together: {gap:.2f} s")
    print(f"      migrating and replacing took {ended - begun:.0f} s; {USERS} users were there before")


def judge(rig, load):
    failed, lost = load.failed(), load.lost()
    check("no request failed", not failed, f"({load.requests()}) {len(failed)} {failed[:3] or ''}")
    check("nothing acknowledged is lost", not lost, str(lost[:3] or ""))
    server = Server(("127.0.0.1", rig.front), rig.token)
    for client in load.writers:
        group = server.send("GET", f"/Groups/{client.group}")
        members = {member["value"] for member in group.get("members", [])}
        client.expect("members", members, client.members)
    check("every group has its members", not any(client.wrong for client in load.writers))
    # Rejected requests of a load are logged by instances of both versions with a delay.
    time.sleep(2)
    failures = "select count(*) from {} where tenant in (select tenant from tenant)"
    refused = rig.number(failures.format("provisioning") + " and status = 409")
    kept = rig.number(failures.format("provisioning_failure"))
    check("failures that old instances logged are kept", refused == kept, f"({kept} of {refused})")
    expected = load.refused() + USERS // 10
    check("each refusal is logged", refused == expected, f"({refused} of {expected})")
    invalid = rig.number(UNFINISHED)
    check("no index is unfinished", invalid == 0, f"({invalid})")
    verified = rig.scimd(TO, "verify")
    check("scimd verify finds nothing", verified.returncode == 0, (verified.stdout + verified.stderr).strip()[-300:])


def end(rig):
    if rig:
        rig.stop_all()


conduct(Rig, run, end, WORK)
