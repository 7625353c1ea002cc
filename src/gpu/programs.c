/* SPDX-License-Identifier: MIT */
#include "gpu/programs.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char vertex_source[] =
    "IN vec2 corner;\n"
    "uniform vec4 place;\n"
    "uniform mat2 turn;\n"
    "uniform vec2 turn_at;\n"
    "uniform vec4 sited;\n"
    "OUT vec2 at;\n"
    "OUT vec2 chroma_at;\n"
    "void main() {\n"
    "    at = turn * corner + turn_at;\n"
    "    chroma_at = at * sited.xy + sited.zw;\n"
    "    gl_Position = vec4(place.xy + corner * place.zw, 0.0, 1.0);\n"
    "}\n";

/* highp throughout: llvmpipe computes mediump in 16 bits, which costs it a tenth more */
static const char fragment_source[] =
    "#ifndef SAMPLER\n"
    "#define SAMPLER sampler2D\n"
    "#endif\n"
    "#ifdef GL_FRAGMENT_PRECISION_HIGH\n"
    "precision highp float;\n"
    "#else\n"
    "precision mediump float;\n"
    "#endif\n"
    "uniform SAMPLER plane0, plane1, plane2;\n"
    "#ifdef COLOURED\n"
    "precision highp int;\n"
    "const vec4 luma = uintBitsToFloat(uvec4(LUMA)), chroma = uintBitsToFloat(uvec4(CHROMA_BY));\n"
    "#else\n"
    "uniform vec4 luma, chroma;\n"
    "#endif\n"
    "IN vec2 at;\n"
    "IN vec2 chroma_at;\n"
    "void main() {\n"
    "#ifdef YUV\n"
    "    float y = TEXTURE(plane0, at).r * luma.w;\n"
    "    vec2 uv = CHROMA;\n"
    "    RESULT = vec4(y + chroma.x * uv.y + luma.x,\n"
    "                  y + (chroma.y * uv.x + chroma.z * uv.y) + luma.y,\n"
    "                  y + chroma.w * uv.x + luma.z, 1.0);\n"
    "#endif\n"
    "#ifdef GRAY\n"
    "    RESULT = vec4(vec3(TEXTURE(plane0, at).r * luma.w + luma.x), 1.0);\n"
    "#endif\n"
    "#ifdef RGB\n"
    "    RESULT = vec4(RGB * luma.w, 1.0);\n"
    "#endif\n"
    "#ifdef COPY\n" /* nothing is computed: llvmpipe has a way of its own for that */
    "    RESULT = vec4(TEXTURE(plane0, at).rgb, 1.0);\n"
    "#endif\n"
    "#ifdef PAIR\n"
    "    RESULT = vec4(TEXTURE(plane1, at).r, TEXTURE(plane2, at).r, 0.0, 1.0);\n"
    "#endif\n"
    "#ifdef TEXT\n"
    "    float ink = TEXTURE(plane0, at).r;\n"
    "    RESULT = vec4(vec3(ink), mix(0.6, 1.0, ink));\n"
    "#endif\n"
    "}\n";

/* One of the levels of the shading language, behind the same words: of OpenGL ES 2, OpenGL ES 3,
 * OpenGL 3.3. */
static const char *const vertex_words[3] = {
    "#version 100\n#define IN attribute\n#define OUT varying\n",
    "#version 300 es\n#define IN in\n#define OUT out\n",
    "#version 330 core\n#define IN in\n#define OUT out\n",
};
static const char *const fragment_words[3] = {
    "#version 100\n#define IN varying\n#define TEXTURE texture2D\n#define RESULT gl_FragColor\n",
    "#version 300 es\n#define IN in\n#define TEXTURE texture\n"
    "precision highp float;\nout vec4 result;\n#define RESULT result\n",
    "#version 330 core\n#define IN in\n#define TEXTURE texture\n"
    "out vec4 result;\n#define RESULT result\n",
};

/* by kind; [1] where two channels are LUMINANCE and ALPHA */
static const char *const kind_words[N_PROGRAMS][2] = {
    [PICTURE_YUV] = {"#define YUV\n#define CHROMA "
                     "vec2(TEXTURE(plane1, chroma_at).r, TEXTURE(plane2, chroma_at).r)\n"},
    [PICTURE_UV] = {"#define YUV\n#define CHROMA TEXTURE(plane1, chroma_at).rg\n",
                    "#define YUV\n#define CHROMA TEXTURE(plane1, chroma_at).ra\n"},
    [PICTURE_VU] = {"#define YUV\n#define CHROMA TEXTURE(plane1, chroma_at).gr\n",
                    "#define YUV\n#define CHROMA TEXTURE(plane1, chroma_at).ar\n"},
    [PICTURE_GRAY] = {"#define GRAY\n"},
    [PICTURE_GBR] = {"#define RGB vec3(TEXTURE(plane2, at).r, TEXTURE(plane0, at).r, "
                     "TEXTURE(plane1, at).r)\n"},
    [PICTURE_RGB] = {"#define RGB TEXTURE(plane0, at).rgb\n"},
    [PICTURE_BGR] = {"#define RGB TEXTURE(plane0, at).bgr\n"},
    [PICTURE_XRGB] = {"#define RGB TEXTURE(plane0, at).gba\n"},
    [PICTURE_XBGR] = {"#define RGB TEXTURE(plane0, at).abg\n"},
    [PICTURE_EXTERNAL] = {"#extension GL_OES_EGL_image_external : require\n"
                          "#define SAMPLER samplerExternalOES\n"
                          "#define RGB TEXTURE(plane0, at).rgb\n"},
    [PROGRAM_TEXT] = {"#define TEXT\n"},
    [PROGRAM_COPY] = {"#define COPY\n"},
    [PROGRAM_PAIR] = {"#define PAIR\n"},
};

/* The text of the numbers of colours, bit by bit: how a locale writes them does not matter. */
static void write_colours(char *text, size_t size, const struct picture_matrix *matrix)
{
    uint32_t bits[8];

    memcpy(bits, matrix->luma, 4 * sizeof(bits[0]));
    memcpy(bits + 4, matrix->chroma, 4 * sizeof(bits[0]));
    snprintf(text, size,
             "#define COLOURED\n"
             "#define LUMA %uu, %uu, %uu, %uu\n"
             "#define CHROMA_BY %uu, %uu, %uu, %uu\n",
             bits[0], bits[1], bits[2], bits[3], bits[4], bits[5], bits[6], bits[7]);
}

static GLuint compile(const struct gl *gl, GLenum type, const char *const sources[4],
                      const char *name)
{
    GLuint shader = gl->CreateShader(type);
    GLint compiled = 0;
    char log[256] = "";

    gl->ShaderSource(shader, 4, sources, NULL);
    gl->CompileShader(shader);
    gl->GetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
    if (compiled)
        return shader;
    gl->GetShaderInfoLog(shader, sizeof(log), NULL, log);
    gl->DeleteShader(shader);
    limef_fail(AVERROR(ENOSYS), name, "shader: %s", log);
    return 0;
}

static int link_program(struct program *program, const struct gl *gl, GLuint vertex,
                        GLuint fragment, const char *name)
{
    GLint linked = 0;

    program->id = gl->CreateProgram();
    gl->AttachShader(program->id, vertex);
    gl->AttachShader(program->id, fragment);
    gl->BindAttribLocation(program->id, PROGRAM_CORNER, "corner");
    gl->LinkProgram(program->id);
    gl->GetProgramiv(program->id, GL_LINK_STATUS, &linked);
    if (!linked) {
        char log[256] = "";

        gl->GetProgramInfoLog(program->id, sizeof(log), NULL, log);
        gl->DeleteProgram(program->id);
        program->id = 0;
        return limef_fail(AVERROR(ENOSYS), name, "shaders do not link: %s", log);
    }
    program->place = gl->GetUniformLocation(program->id, "place");
    program->turn = gl->GetUniformLocation(program->id, "turn");
    program->turn_at = gl->GetUniformLocation(program->id, "turn_at");
    program->sited = gl->GetUniformLocation(program->id, "sited");
    program->luma = gl->GetUniformLocation(program->id, "luma");
    program->chroma = gl->GetUniformLocation(program->id, "chroma");
    gl->UseProgram(program->id);
    gl->Uniform1i(gl->GetUniformLocation(program->id, "plane0"), 0);
    gl->Uniform1i(gl->GetUniformLocation(program->id, "plane1"), 1);
    gl->Uniform1i(gl->GetUniformLocation(program->id, "plane2"), 2);
    return 0;
}

/* coloured: in the colours that are noted in it. */
static const struct program *make(struct program *program, const struct gl *gl, unsigned kind,
                                  bool coloured, const char *name)
{
    const char *words = kind_words[kind][gl->red_green || !kind_words[kind][1] ? 0 : 1];
    /* GL_OES_EGL_image_external is of the older language; the newer one needs another extension */
    int level = gl->desktop ? 2 : gl->major >= 3 && kind != PICTURE_EXTERNAL ? 1 : 0;
    GLuint vertex, fragment = 0;
    char colours[256] = "";

    if (coloured)
        write_colours(colours, sizeof(colours), &program->matrix);
    vertex = compile(gl, GL_VERTEX_SHADER,
                     (const char *const[4]){vertex_words[level], "", "", vertex_source}, name);
    if (vertex)
        fragment = compile(
            gl, GL_FRAGMENT_SHADER,
            (const char *const[4]){fragment_words[level], colours, words, fragment_source}, name);
    if (fragment)
        link_program(program, gl, vertex, fragment, name);
    gl->DeleteShader(vertex);
    gl->DeleteShader(fragment);
    return program->id ? program : NULL;
}

/* The program of a kind of pictures in their colours; NULL: there is no room for another one. */
static struct program *find_coloured(struct programs *programs, unsigned kind,
                                     const struct picture_matrix *matrix)
{
    struct program *program = programs->coloured;

    for (; program < programs->coloured + programs->n_coloured; program++)
        if (program->kind == kind && !memcmp(&program->matrix, matrix, sizeof(*matrix)))
            return program;
    if (programs->n_coloured == PROGRAMS_MAX_COLOURED)
        return NULL;
    programs->n_coloured++;
    *program = (struct program){.kind = kind, .matrix = *matrix};
    return program;
}

const struct program *program_get(struct programs *programs, const struct gl *gl, unsigned kind,
                                  const struct picture_matrix *matrix, const char *name)
{
    struct program *coloured = NULL, *plain = &programs->plain[kind];

    /* llvmpipe reads what it is told anew for each few pixels: a fifth of what it costs to draw a
     * picture pixel for pixel. OpenGL ES 2 cannot be given a number bit by bit. */
    if (gl->software && gl->major >= 3 && kind < PICTURE_EXTERNAL)
        coloured = find_coloured(programs, kind, matrix);
    if (coloured && !coloured->id && !coloured->refused)
        coloured->refused = !make(coloured, gl, kind, true, name);
    if (coloured && coloured->id)
        return coloured;
    return plain->id ? plain : make(plain, gl, kind, false, name);
}

static void delete_all(struct program *programs, unsigned n, const struct gl *gl)
{
    for (unsigned i = 0; i < n; i++)
        if (programs[i].id)
            gl->DeleteProgram(programs[i].id);
}

void programs_clear(struct programs *programs, const struct gl *gl)
{
    delete_all(programs->plain, N_PROGRAMS, gl);
    delete_all(programs->coloured, programs->n_coloured, gl);
    *programs = (struct programs){0};
}
