# SPDX-License-Identifier: MIT
#
# Reads what ctest --output-junit wrote; prints how many tests passed, failed and were skipped. Of a
# Criterion program and of Python's unittest each test counts, of any other program the program.

/<testcase / {
    in_test = 1
    has_counts = own_passed = own_failed = own_skipped = not_run = 0
    status = "fail"
    if (match($0, /status="[a-z]*"/))
        status = substr($0, RSTART + 8, RLENGTH - 9)
}

# <skipped message="SKIP_RETURN_CODE=77"/>, or why it could not be run at all
in_test && /<skipped / && !/SKIP_/ && !/Disabled/ { not_run = 1 }

in_test && /\[SKIP\]/ { own_skipped++ }

# a leak shows when the test's process ends, after it passed
in_test && /crashed during its setup or teardown/ {
    own_passed--
    own_failed++
}

in_test && /Synthesis: Tested: / {
    line = $0
    sub(/.*Passing: /, "", line)
    own_passed += line + 0
    sub(/.*Failing: /, "", line)
    own_failed += line + 0 # crashing ones are among them
    has_counts = 1
}

in_test && /^Ran [0-9]+ tests? in / {
    own_passed += $2
    has_counts = 1
}

# FAILED (failures=1, errors=1, skipped=1), or OK (skipped=1)
in_test && /^(FAILED|OK) \(.*=/ {
    for (i = 2; i <= NF; i++) {
        split($i, pair, "=")
        if (pair[1] ~ /skipped/)
            own_skipped += pair[2]
        else if (pair[1] ~ /failures|errors/)
            own_failed += pair[2]
        own_passed -= pair[2]
    }
}

/<\/testcase>/ {
    in_test = 0
    if (has_counts) {
        passed += own_passed
        skipped += own_skipped
        # the program failed, though none of its tests did
        failed += own_failed ? own_failed : status == "fail"
    } else if (status == "run") {
        passed++
    } else if (status == "fail" || not_run) {
        failed++
    } else {
        skipped++
    }
}

END { print passed + 0, failed + 0, skipped + 0 }
