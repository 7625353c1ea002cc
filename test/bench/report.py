# SPDX-License-Identifier: MIT
"""Tables for a terminal, the same as Markdown, and what was aimed at."""
import datetime


def show(value):
    if isinstance(value, str):
        return value
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    if abs(value) >= 0.01:
        return f"{value:.2f}"
    return f"{value:.4f}"


def verdict(value, relation, limit, span):
    """"level": the limit lies within what the figure may be in truth, on the wrong side of it."""
    sign = 1 if relation == "<=" else -1
    if sign * value <= sign * limit:
        return "reached"
    if span and min(sign * end for end in span) <= sign * limit:
        return "level"
    return "missed"


class Report:
    def __init__(self):
        self.markdown = []
        self.targets = []

    def section(self, title, note="", is_dated=True):
        """is_dated: with the day, unless rows of earlier runs stay beside those of this one."""
        if is_dated:
            note = f"{note} Measured on {datetime.date.today()}.".strip()
        print(f"\n{title}\n{'-' * len(title)}")
        if note:
            print(note)
        self.markdown += [f"### {title}", "", *([note, ""] if note else [])]

    def table(self, columns, rows):
        cells = [columns] + [[show(cell) for cell in row] for row in rows]
        widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
        for line in cells:
            first, *rest = (cell.ljust(width) if not i else cell.rjust(width)
                            for i, (cell, width) in enumerate(zip(line, widths)))
            print("  ".join([first, *rest]), flush=True)
        self.markdown += ["| " + " | ".join(columns) + " |",
                          "| --- |" + " ---: |" * (len(columns) - 1)]
        self.markdown += ["| " + " | ".join(line) + " |" for line in cells[1:]]
        self.markdown.append("")

    def table_of(self, runs, columns, names=None):
        """One row for each job. columns: {heading: key or function of (runs, name)}."""
        rows = []
        for name in names or runs:
            if name in runs:
                rows.append([name] + [get(runs, name) if callable(get) else runs.median(name, get)
                                      for get in columns.values()])
        self.table(["", *columns], rows)

    def target(self, what, value, relation, limit, span=None):
        """Notes a figure that has a target: value `relation` limit, relation "<=" or ">=".
        span: the range that the figure lies in, where it is known."""
        self.targets.append((what, value, relation, limit, span))

    def ratio(self, what, runs, ours, theirs, key, relation, limit, inverted=False):
        """The target of ours / theirs in `key`; skipped if one of them did not run."""
        if ours in runs and theirs in runs:
            value = runs.median(ours, key) / runs.median(theirs, key)
            self.target(what, 1 / value if inverted else value, relation, limit)

    def finish(self):
        """Prints the table of targets; returns the whole report as Markdown."""
        rows = []
        for what, value, relation, limit, span in self.targets:
            shown = f"{show(value)} ({show(span[0])} to {show(span[1])})" if span else value
            rows.append([what, shown, f"{relation} {show(limit)}",
                         verdict(value, relation, limit, span)])
        tables, self.markdown = self.markdown, []
        self.section("Targets", is_dated=False)
        self.table(["", "measured", "target", ""], rows)
        return "\n".join(self.markdown + tables)
