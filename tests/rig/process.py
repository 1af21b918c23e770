"""Processes of a set-up, and the checks on it. For the scripts tests/*/run."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

BEGAN = time.monotonic()
passed = failed = 0


def check(name, good, more=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print("ok   " if good else "FAIL ", name, more, flush=True)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def until(what, seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = condition()
            if found:
                return found
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {seconds} s")


def get(url):
    with urllib.request.urlopen(url, timeout=2) as answer:
        return json.loads(answer.read() or b"{}")


class Process:
    """A program in a session of its own, so that it ends with all that it started."""

    def __init__(self, folder, name, command, user=None, environment=None):
        self.folder, self.name, self.command, self.user = folder, name, [str(part) for part in command], user
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C", **(environment or {})}
        self.start()

    def start(self):
        log = open(self.folder / f"{self.name}.log", "a")
        prefix = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"] if self.user else []
        self.child = subprocess.Popen(
            prefix + self.command, stdout=log, stderr=log, start_new_session=True, env=self.environment, cwd=self.folder
        )

    def kill(self):
        """Ends it and what it started without a word to anybody, as a host that loses its power."""
        for pid in self.tree():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()

    def tree(self):
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except OSError:
                    pass
        found = [self.child.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def show_logs(folder):
    """The end of each log, which is worth more than a traceback alone."""
    for log in sorted(folder.glob("*.log")):
        print(f"-- {log.name}\n" + "".join(log.read_text(errors="replace").splitlines(keepends=True)[-15:]))


def kill_leftovers(folder):
    """Ends what still names a folder in its command line, such as a server in a session of its own."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (os.getpid(), os.getppid()):
            try:
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass


def conduct(start, run, end, folder):
    """Starts a set-up, runs the checks on it, ends it, and ends the program. `end` gets what `start` returned, or None."""
    rig = None
    try:
        rig = start()
        run(rig)
    except Exception as error:  # the logs are worth more than a traceback alone
        check("the run itself", False, repr(error))
        show_logs(folder)
    finally:
        end(rig)
    close()


def close():
    """Prints the time and the result, and ends the program."""
    print(f"took {time.monotonic() - BEGAN:.0f} s")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
