/* SPDX-License-Identifier: MIT */
/*
 * Parts of the library that are loaded when they are needed: windows, KMS, ALSA. Linking them
 * would make every process pay for their libraries at its start.
 */
#ifndef LIMEF_SRC_BASE_MODULE_H
#define LIMEF_SRC_BASE_MODULE_H

/*
 * Loads a module from the folder "limef" beside this library, built or installed; beside the
 * program if the library is static. It stays loaded.
 *
 * Returns its symbol; NULL: there is no such module, which is logged at level debug, or no such
 * symbol in it.
 */
const void *module_load(const char *file, const char *symbol, const char *name);

#endif
