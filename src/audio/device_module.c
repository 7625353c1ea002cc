/* SPDX-License-Identifier: MIT */
#include "audio/device_module.h"

#include "audio/device.h"
#include "base/module.h"

const struct audio_device_ops *device_module_load(const char *file, const char *name)
{
    const struct audio_device_ops *ops = module_load(file, AUDIO_MODULE_SYMBOL, name);

    return ops && ops->abi == AUDIO_ABI ? ops : NULL;
}
