# SPDX-License-Identifier: MIT
"""Running programs side by side on a machine that is not one's own.

Runs are interleaved (A B C A B C), each says what share of the machine others
used meanwhile, a disturbed one is repeated a few times, medians are taken.
"""
import contextlib
import json
import os
import signal
import statistics
import subprocess
import threading
import time

N_CPUS = os.cpu_count() or 1
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MAX_OTHERS = 0.2
ATTEMPTS = 3


def busy_s():
    """CPU seconds that the whole machine has worked, steal included."""
    with open("/proc/stat") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_S


def process_cpu_s(pid):
    """CPU seconds of a process that runs, all threads that it has."""
    total_ns = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it went meanwhile
            with open(f"/proc/{pid}/task/{thread}/schedstat") as schedstat:
                total_ns += int(schedstat.read().split()[0])
    return total_ns / 1e9


def settle(limit_s=10, share=0.15):
    """Waits until others use less than `share` of the machine, or limit_s is over."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        before = busy_s()
        time.sleep(0.5)
        if (busy_s() - before) / (0.5 * N_CPUS) < share:
            return


def raise_priority():
    """Of the process and, where the scheduler shares by session (autogroup), of its new session:
    there a nice value counts only among the processes of one session."""
    try:
        os.nice(-10)
        with open("/proc/self/autogroup", "w") as autogroup:
            autogroup.write("-20")
    except OSError:
        pass  # not permitted, or not there: the run says how disturbed it was


def run(command, env=None, timeout_s=180, helper_pid=None):
    """Runs a program to its end.

    Returns wall_s, cpu_s, rss_mb (peak of the program itself), others (share of the machine
    that neither it nor the helper process used), code, and out: its standard output.
    """
    helper_s = process_cpu_s(helper_pid) if helper_pid else 0
    before_s, began = busy_s(), time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, **(env or {})}, start_new_session=True,
                               preexec_fn=raise_priority)
    texts = [b"", b""]

    def collect(at, stream):
        texts[at] = stream.read()

    readers = [threading.Thread(target=collect, args=(at, stream), daemon=True)
               for at, stream in enumerate((process.stdout, process.stderr))]
    killer = threading.Timer(timeout_s, os.killpg, (process.pid, signal.SIGKILL))
    for thread in readers + [killer]:
        thread.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    killer.cancel()
    for thread in readers:
        thread.join(2)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime
    helper_s = max(0, process_cpu_s(helper_pid) - helper_s) if helper_pid else 0
    others = max(0.0, (busy_s() - before_s - cpu_s - helper_s) / (wall_s * N_CPUS))
    return {"wall_s": wall_s, "cpu_s": cpu_s, "helper_s": helper_s, "rss_mb": usage.ru_maxrss / 1024,
            "others": others, "code": process.returncode, "out": texts[0].decode(errors="replace"),
            "error": texts[1].decode(errors="replace")}


def run_json(command, **options):
    """run(), with the keys of the JSON object that the program printed last."""
    row = run(command, **options)
    if row["code"] == 0:
        row.update(json.loads(row["out"].strip().splitlines()[-1]))
    return row


def median_with_range(values):
    """The median, and a range that holds the true one in about 19 of 20 cases (order statistics, the sign test's)."""
    values = sorted(values)
    out = max(int((len(values) - 1.96 * len(values) ** 0.5) / 2), 0)
    return statistics.median(values), values[out], values[len(values) - 1 - out]


class Interleaved:
    """Rows of several jobs, by name."""

    def __init__(self, jobs, rounds, say=print, attempts=ATTEMPTS):
        """jobs: {name: function that runs it once}. attempts: of a run that others disturb."""
        self.rows = {name: [] for name in jobs}
        for _ in range(rounds):
            for name, job in jobs.items():
                row = self._calmest(job, attempts)
                if row["code"]:
                    say(f"  {name}: exit status {row['code']}: {row['error'].strip()[-160:]}")
                else:
                    self.rows[name].append(row)
        self.rows = {name: rows for name, rows in self.rows.items() if rows}

    @staticmethod
    def _calmest(job, attempts):
        tried = []
        for attempt in range(attempts):
            row = job()
            if row["code"] or row["others"] <= MAX_OTHERS:
                return row
            tried.append(row)
            if attempt + 1 < attempts:
                settle(4)
        return min(tried, key=lambda row: row["others"])

    def __contains__(self, name):
        return name in self.rows

    def __iter__(self):
        return iter(self.rows)

    def median(self, name, key):
        """Of the calm rows if there are two, else of all."""
        rows = self.rows[name]
        calm = [row for row in rows if row["others"] <= MAX_OTHERS]
        return statistics.median(row[key] for row in (calm if len(calm) > 1 else rows))

    def paired(self, ours, theirs, key, rounds=slice(None)):
        """The median of ours / theirs round by round, and its range."""
        return median_with_range([a[key] / b[key] for a, b in zip(self.rows[ours][rounds],
                                                                  self.rows[theirs][rounds])])

    def against_best(self, ours, names, key):
        """Ours / the best of `names`, which is chosen in every other round and compared in those
        between: the least of several noisy figures is lower than any of them is in truth.

        Returns the best one's name and paired(); None if none of them ran."""
        there = [name for name in names if name in self.rows]
        if not there or ours not in self.rows:
            return None
        best = min(there, key=lambda name: statistics.median(row[key]
                                                             for row in self.rows[name][::2]))
        return best, self.paired(ours, best, key, slice(1, None, 2))

    def best(self, names, key):
        """The one of `names` whose median is lowest; None if none of them ran."""
        there = [name for name in names if name in self.rows]
        return min(there, key=lambda name: self.median(name, key)) if there else None
