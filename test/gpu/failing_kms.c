/* SPDX-License-Identifier: MIT */
#include "failing_kms.h"

#include "wrapped.h"

#include <errno.h>

#define EGL_CALLS(X) GL_EGL_FUNCTIONS(X) GL_EGL_FENCES(X)

struct failing_kms failing_kms;

enum call {
#define KMS_INDEX(result, name, arguments) CALL_##name,
#define EGL_INDEX(result, name, arguments) CALL_egl##name,
    KMS_CALLS(KMS_INDEX) EGL_CALLS(EGL_INDEX) CALL_eglGetPlatformDisplayEXT,
    N_CALLS
};

/* Most of those that return an int return -1. */
#define RETURNS(result) _Generic((result(*)(void))0, void (*)(void) : false, default : true)
#define FAILED(result, call)                                                                       \
    (result)(_Generic((result(*)(void))0, int (*)(void)                                            \
                      : is_false_for_failed(call) ? 0 : -1, default : 0))

struct failing_kms_call failing_kms_list[] = {
#define KMS_ENTRY(result, name, arguments) [CALL_##name] = {#name, RETURNS(result)},
#define EGL_ENTRY(result, name, arguments) [CALL_egl##name] = {"egl" #name, RETURNS(result)},
    KMS_CALLS(KMS_ENTRY)
        EGL_CALLS(EGL_ENTRY)[CALL_eglGetPlatformDisplayEXT] = {"eglGetPlatformDisplayEXT", true}};
const unsigned failing_kms_n_list = N_CALLS;

static bool is_false_for_failed(enum call call)
{
    return call == CALL_drmIsMaster || call == CALL_eglWaitSyncKHR;
}

static bool fails(enum call call)
{
    failing_kms_list[call].n_calls++;
    if (!failing_kms.name || strcmp(failing_kms.name, failing_kms_list[call].name) != 0)
        return false;
    failing_kms.n_calls++;
    if (failing_kms.onward ? failing_kms.n_calls < failing_kms.first
                           : failing_kms.n_calls != failing_kms.first)
        return false;
    failing_kms.n_failed++;
    errno = failing_kms.error;
    return true;
}

static const struct kms_calls *real;
static struct gl real_gl;

#define WRAP(result, prefix, name, arguments, function)                                            \
    static result wrapped_##prefix##name(WRAPPED_PARAMETERS arguments)                             \
    {                                                                                              \
        if (fails(CALL_##prefix##name))                                                            \
            return FAILED(result, CALL_##prefix##name);                                            \
        return function(WRAPPED_VALUES arguments);                                                 \
    }
#define WRAP_KMS(result, name, arguments) WRAP(result, , name, arguments, real->name)
#define WRAP_EGL(result, name, arguments) WRAP(result, egl, name, arguments, real_gl.egl.name)
KMS_CALLS(WRAP_KMS)
EGL_CALLS(WRAP_EGL)

static PFNEGLGETPLATFORMDISPLAYEXTPROC real_get_display;

static EGLDisplay get_display(EGLenum platform, void *native, const EGLint *attributes)
{
    return fails(CALL_eglGetPlatformDisplayEXT) ? EGL_NO_DISPLAY
                                                : real_get_display(platform, native, attributes);
}

static __eglMustCastToProperFunctionPointerType find(const char *name)
{
    __eglMustCastToProperFunctionPointerType found = wrapped_eglGetProcAddress(name);

    if (!found || strcmp(name, "eglGetPlatformDisplayEXT") != 0)
        return found;
    real_get_display = (PFNEGLGETPLATFORMDISPLAYEXTPROC)found;
    return (__eglMustCastToProperFunctionPointerType)get_display;
}

const struct kms_calls *failing_kms_wrap(const struct kms_calls *calls)
{
#define KMS_MEMBER(result, name, arguments) .name = wrapped_##name,
    static const struct kms_calls wrappers = {KMS_CALLS(KMS_MEMBER)};

    real = calls;
    return &wrappers;
}

void failing_kms_wrap_egl(struct gl *gl)
{
    real_gl = *gl;
#define EGL_MEMBER(result, name, arguments)                                                        \
    if (gl->egl.name)                                                                              \
        gl->egl.name = wrapped_egl##name;
    EGL_CALLS(EGL_MEMBER)
    gl->egl.GetProcAddress = find;
}
