# SPDX-License-Identifier: MIT
#
# awk -v root=SOURCE_DIR -f excerpts.awk FILE.md...: what a document shows of a program is in that
# program. Each block between ```c and ``` comes right behind a line <!-- excerpt: PATH -->, and is
# a run of whole lines of that file.

function report(what) { print FILENAME ":" FNR ": " what; failed = 1 }

function content_of(path,    line, all)
{
    if (!(path in contents)) {
        all = "\n"
        while ((getline line < (root "/" path)) > 0)
            all = all line "\n"
        close(root "/" path)
        contents[path] = all
    }
    return contents[path]
}

FNR == 1 { path = ""; inside = 0 }

inside && /^```/ {
    inside = 0
    n_blocks++
    if (content_of(path) == "\n")
        report("there is no " path)
    else if (!index(content_of(path), "\n" block))
        report("the block that ends here is not in " path)
    path = ""
    next
}
inside { block = block $0 "\n"; next }

/^<!-- excerpt: .* -->$/ { path = $3; next }
/^```c$/ {
    if (path == "")
        report("a program without <!-- excerpt: PATH --> in front of it")
    inside = 1
    block = ""
    next
}
{ path = "" }

END {
    if (!n_blocks) {
        print "no excerpt found"
        failed = 1
    }
    exit failed
}
