/* SPDX-License-Identifier: MIT */
/*
 * Devices that need a library of their own lie in modules in the folder "limef" beside this
 * library: a process that plays nothing does not pay for them.
 */
#ifndef LIMEF_SRC_AUDIO_DEVICE_MODULE_H
#define LIMEF_SRC_AUDIO_DEVICE_MODULE_H

struct audio_device_ops;

/* Loads one, for good. Returns NULL if there is none, or it is of another version. */
const struct audio_device_ops *device_module_load(const char *file, const char *name);

#endif
