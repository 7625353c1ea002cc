# SPDX-License-Identifier: MIT
#
# Sourced. files: the names of the project's files, one a line, from the current folder; without
# git, or in an unpacked archive, all that is not built.
files()
{
    git -c safe.directory='*' ls-files 2>/dev/null ||
        find . -type f ! -path './build/*' ! -path './.git/*' | sed 's#^\./##'
}
