# SPDX-License-Identifier: MIT
#
# docs.awk HEADER...: each public function and type has a docstring right above it, and that of a
# function says which thread may call it.

FNR == 1 { comment = ""; open = above = 0 }
/^\/\*\*/ { comment = ""; open = 1 }
open {
    comment = comment $0 "\n"
    if (/\*\//) { open = 0; above = 1 }
    next
}
/^(LIMEF_API|static inline) / {
    if (!above)
        report("has no docstring")
    else if (comment !~ /Thread: |@copydoc/)
        report("does not say its Thread:")
}
/^(struct|union|enum) [a-z0-9_]+ \{|^typedef / { if (!above) report("has no docstring") }
{ above = 0 }

function report(what) { print FILENAME ":" FNR ": " what ": " $0; failed = 1 }
END { exit failed }
