/* SPDX-License-Identifier: MIT */
/* Programs of a GL that does not take every shader. */
#include "gpu/programs.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

/* Shaders and programs alike. */
static GLuint n_made;
static unsigned n_coloured;
static bool refuses; /* the shader that was told last */

static GLuint create_shader(GLenum type)
{
    (void)type;
    return ++n_made;
}

static GLuint create_program(void)
{
    return ++n_made;
}

static void tell(GLuint shader, GLsizei n, const GLchar *const *texts, const GLint *lengths)
{
    (void)shader;
    (void)lengths;
    refuses = false;
    for (GLsizei i = 0; i < n; i++)
        refuses |= !strncmp(texts[i], "#define COLOURED", strlen("#define COLOURED"));
    n_coloured += refuses;
}

static void say(GLuint name, GLenum what, GLint *value)
{
    (void)name;
    *value = what == GL_LINK_STATUS || !refuses;
}

static void say_why(GLuint name, GLsizei size, GLsizei *length, GLchar *log)
{
    (void)name;
    (void)size;
    (void)length;
    *log = '\0';
}

static void take(GLuint name)
{
    (void)name;
}

static void take_two(GLuint program, GLuint shader)
{
    (void)program;
    (void)shader;
}

static void take_attribute(GLuint program, GLuint place, const GLchar *name)
{
    (void)program;
    (void)place;
    (void)name;
}

static GLint find(GLuint program, const GLchar *name)
{
    (void)program;
    (void)name;
    return 0;
}

static void set_number(GLint place, GLint value)
{
    (void)place;
    (void)value;
}

Test(programs, one_that_the_driver_refuses_with_its_colours_is_told_them_and_asked_once)
{
    static const struct gl gl = {
        .CreateShader = create_shader,
        .ShaderSource = tell,
        .CompileShader = take,
        .GetShaderiv = say,
        .GetShaderInfoLog = say_why,
        .DeleteShader = take,
        .CreateProgram = create_program,
        .AttachShader = take_two,
        .BindAttribLocation = take_attribute,
        .LinkProgram = take,
        .GetProgramiv = say,
        .UseProgram = take,
        .GetUniformLocation = find,
        .Uniform1i = set_number,
        .DeleteProgram = take,
        .software = true,
        .major = 3,
    };
    static struct programs programs;
    struct picture_matrix matrix = {.luma = {0, 0, 0, 1}};

    limef_log_set_sink(log_to_nobody, NULL);
    for (int i = 0; i < 10; i++)
        cr_expect(eq(ptr, (void *)program_get(&programs, &gl, PICTURE_YUV, &matrix, "test"),
                     &programs.plain[PICTURE_YUV]));
    cr_expect(eq(uint, n_coloured, 1));
    programs_clear(&programs, &gl);
}
