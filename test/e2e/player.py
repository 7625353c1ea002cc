# SPDX-License-Identifier: MIT
"""The client of tests, rtsp_client, while it plays."""
import pathlib
import subprocess

DEADLINE_S = 120
CLIENT_S = 100  # it ends by itself before that, and says what it saw


def threads_of(pid):
    """What each thread of a process waits for: its state, where in the kernel, in which system call
    (a number, and its arguments), how many ticks of processor time it had."""
    lines = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*")):
        def read(name):
            try:
                return (task / name).read_text(errors="replace").strip()
            except OSError as error:
                return f"({error.strerror})"
        stat = read("stat").rpartition(")")[2].split()
        lines.append(f"{task.name} {read('comm')}: {' '.join(stat[:1])}, {read('wchan')}, "
                     f"system call {read('syscall')}, ticks {'+'.join(stat[11:13])}")
    return lines


def fields_of(path):
    """Of each picture that was shown, as limef_framemd5_filter writes it."""
    return [line.split(",") for line in path.read_text().splitlines() if not line.startswith("#")]


def sums_of(path):
    return [fields[-1].strip() for fields in fields_of(path)]


def times_of(path):
    """In us."""
    return [int(fields[1]) for fields in fields_of(path)]


def datagrams_thrown_away():
    """By the system, as there was no room for them where they wait to be read; of all sockets."""
    with open("/proc/net/snmp") as counters:
        names, values = (line.split()[1:] for line in counters if line.startswith("Udp: "))
    return int(dict(zip(names, values))["RcvbufErrors"])


class Player:
    def __init__(self, client, url, sums, *arguments):
        self.sums = sums    # a file, written
        self.sums.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [client, url, f"md5={sums}", f"seconds={CLIENT_S}", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.lines = []

    def wait_for(self, state):
        """For its next line "state ..."; or another one, with its first words."""
        return self.wait_for_line(f"state {state} ")

    def wait_for_line(self, begin):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(begin):
                return True
        return False

    def stop(self):
        self.process.terminate()

    def finish(self):
        """Waits for its end; returns the sums of what was shown."""
        try:
            output, self.errors = self.process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            threads = threads_of(self.process.pid)
            self.process.kill()
            output, self.errors = self.process.communicate()
            raise AssertionError(self.story(["it did not end", *threads], output)) from None
        self.lines += output.splitlines(True)
        assert self.process.returncode == 0, self.story([f"status {self.process.returncode}"])
        assert "deadline\n" not in self.lines, self.story(["nothing ended it"])
        self.counters = self.numbers("counters")
        return sums_of(self.sums)

    def story(self, what, output=""):
        """What is known of a client that did not do as it should."""
        shown = len(sums_of(self.sums)) if self.sums.exists() else 0
        return "\n".join([*what, f"{shown} pictures", *map(str.strip, self.lines),
                          *output.splitlines(), self.errors])

    def numbers(self, kind):
        """Of the line that begins so: "kind name=1 other=2"."""
        words = next(line.split()[1:] for line in self.lines if line.startswith(kind + " "))
        return {key: int(value) for key, value in (word.split("=") for word in words)}

    def stopped_us(self):
        return next(int(line.split()[1]) for line in self.lines if line.startswith("stopped "))

    def states(self):
        return [line.split(" ", 1)[1].strip() for line in self.lines if line.startswith("state ")]
