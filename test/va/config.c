/* SPDX-License-Identifier: MIT */
/* What the driver can decode, and into what. */
#include "driver.h"

#include <stdlib.h>

static const struct profile {
    VAProfile profile;
    const struct codec *codec;
    unsigned rt_format;
} profiles[] = {
    {VAProfileH264ConstrainedBaseline, &codec_h264, VA_RT_FORMAT_YUV420},
    {VAProfileH264Main, &codec_h264, VA_RT_FORMAT_YUV420},
    {VAProfileH264High, &codec_h264, VA_RT_FORMAT_YUV420},
    {VAProfileHEVCMain, &codec_hevc, VA_RT_FORMAT_YUV420},
    {VAProfileHEVCMain10, &codec_hevc, VA_RT_FORMAT_YUV420_10},
    {VAProfileVP9Profile0, &codec_vp9, VA_RT_FORMAT_YUV420},
    {VAProfileVP9Profile2, &codec_vp9, VA_RT_FORMAT_YUV420_10},
};

#define N_PROFILES (sizeof(profiles) / sizeof(*profiles))

static const struct profile *find(VAProfile profile)
{
    for (unsigned i = 0; i < N_PROFILES; i++) {
        if (profiles[i].profile == profile)
            return &profiles[i];
    }
    return NULL;
}

void config_free(struct config *config)
{
    free(config);
}

VAStatus config_query_profiles(VADriverContextP context, VAProfile *list, int *n)
{
    (void)context;
    CALLED(vaQueryConfigProfiles);
    for (unsigned i = 0; i < N_PROFILES; i++)
        list[i] = profiles[i].profile;
    *n = N_PROFILES;
    return VA_STATUS_SUCCESS;
}

VAStatus config_query_entrypoints(VADriverContextP context, VAProfile profile, VAEntrypoint *list,
                                  int *n)
{
    (void)context;
    CALLED(vaQueryConfigEntrypoints);
    if (!find(profile))
        return VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    list[0] = VAEntrypointVLD;
    *n = 1;
    return VA_STATUS_SUCCESS;
}

VAStatus config_get_attributes(VADriverContextP context, VAProfile profile, VAEntrypoint entrypoint,
                               VAConfigAttrib *attributes, int n)
{
    const struct profile *known = find(profile);

    (void)context;
    CALLED(vaGetConfigAttributes);
    if (!known)
        return VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    if (entrypoint != VAEntrypointVLD)
        return VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
    for (int i = 0; i < n; i++) {
        switch (attributes[i].type) {
        case VAConfigAttribRTFormat:
            attributes[i].value = known->rt_format;
            break;
        case VAConfigAttribDecSliceMode:
            attributes[i].value = VA_DEC_SLICE_MODE_NORMAL;
            break;
        case VAConfigAttribMaxPictureWidth:
        case VAConfigAttribMaxPictureHeight:
            attributes[i].value = MAX_PICTURE_SIZE;
            break;
        default:
            attributes[i].value = VA_ATTRIB_NOT_SUPPORTED;
        }
    }
    return VA_STATUS_SUCCESS;
}

VAStatus config_create(VADriverContextP context, VAProfile profile, VAEntrypoint entrypoint,
                       VAConfigAttrib *attributes, int n, VAConfigID *id)
{
    const struct profile *known = find(profile);
    struct config *config;

    CALLED(vaCreateConfig);
    if (!known)
        return VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    if (entrypoint != VAEntrypointVLD)
        return VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
    for (int i = 0; i < n; i++) {
        if (attributes[i].type == VAConfigAttribRTFormat &&
            !(attributes[i].value & known->rt_format))
            return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    }
    config = calloc(1, sizeof(*config));
    if (!config)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    config->profile = profile;
    config->codec = known->codec;
    config->format = pixel_format_of_rt_format(known->rt_format);
    *id = objects_add(&driver_of(context)->objects, &config->object, OBJECT_CONFIG);
    if (*id == VA_INVALID_ID) {
        config_free(config);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    return VA_STATUS_SUCCESS;
}

VAStatus config_destroy(VADriverContextP context, VAConfigID id)
{
    struct config *config;

    CALLED(vaDestroyConfig);
    config = objects_take(&driver_of(context)->objects, id, OBJECT_CONFIG);
    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    config_free(config);
    return VA_STATUS_SUCCESS;
}

VAStatus config_query_attributes(VADriverContextP context, VAConfigID id, VAProfile *profile,
                                 VAEntrypoint *entrypoint, VAConfigAttrib *attributes, int *n)
{
    const struct config *config;

    CALLED(vaQueryConfigAttributes);
    config = objects_get(&driver_of(context)->objects, id, OBJECT_CONFIG);
    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    *profile = config->profile;
    *entrypoint = VAEntrypointVLD;
    attributes[0] = (VAConfigAttrib){VAConfigAttribRTFormat, config->format->rt_format};
    *n = 1;
    return VA_STATUS_SUCCESS;
}

static VASurfaceAttrib attribute(VASurfaceAttribType type, bool is_settable, unsigned value)
{
    return (VASurfaceAttrib){
        .type = type,
        .flags = VA_SURFACE_ATTRIB_GETTABLE | (is_settable ? VA_SURFACE_ATTRIB_SETTABLE : 0),
        .value = {.type = VAGenericValueTypeInteger, .value = {.i = (int)value}},
    };
}

VAStatus config_query_surface_attributes(VADriverContextP context, VAConfigID id,
                                         VASurfaceAttrib *attributes, unsigned *n)
{
    enum { N_ATTRIBUTES = 6 };
    const struct config *config;

    CALLED(vaQuerySurfaceAttributes);
    config = objects_get(&driver_of(context)->objects, id, OBJECT_CONFIG);
    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    if (attributes) {
        if (*n < N_ATTRIBUTES) {
            *n = N_ATTRIBUTES;
            return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
        }
        attributes[0] = attribute(VASurfaceAttribPixelFormat, true, config->format->fourcc);
        attributes[1] = attribute(VASurfaceAttribMinWidth, false, 1);
        attributes[2] = attribute(VASurfaceAttribMinHeight, false, 1);
        attributes[3] = attribute(VASurfaceAttribMaxWidth, false, MAX_PICTURE_SIZE);
        attributes[4] = attribute(VASurfaceAttribMaxHeight, false, MAX_PICTURE_SIZE);
        attributes[5] = attribute(VASurfaceAttribMemoryType, true, VA_SURFACE_ATTRIB_MEM_TYPE_VA);
    }
    *n = N_ATTRIBUTES;
    return VA_STATUS_SUCCESS;
}
