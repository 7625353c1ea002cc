/* SPDX-License-Identifier: MIT */
#include "gpu/kms_calls.h"

const struct kms_calls kms_calls_of_libraries = {
#define KMS_CALL_VALUE(result, name, arguments) .name = name,
    KMS_CALLS(KMS_CALL_VALUE)
#undef KMS_CALL_VALUE
};
