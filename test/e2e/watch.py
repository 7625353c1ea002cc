# SPDX-License-Identifier: MIT
"""What the watch of a graph says on standard error is of the machine, and of no test here."""
import re

LINES = re.compile(r"^graph: warning: (the plan goes on as it was: .*|.* is stuck: .*|.* moved on after .* s)\n", re.M)


def without_watch(errors):
    """Lines without those of filters that do not come back for long, and of changes that were left for later."""
    return LINES.sub("", errors)
