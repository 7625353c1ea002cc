/* SPDX-License-Identifier: MIT */
#include "description.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

/* A link's end that is a name and not yet an element: this and more is its reference. */
#define REFERENCE_BASE DESCRIPTION_MAX_ELEMENTS
#define NOTHING UINT32_MAX

#define SOURCE_PREFIX "file:"

enum token_kind {
    TOKEN_WORD,
    TOKEN_REFERENCE,
    TOKEN_SOURCE,
    TOKEN_BANG,
    TOKEN_SEMICOLON,
    TOKEN_END
};

struct token {
    enum token_kind kind;
    uint32_t at;
    const char *text; /* of a word, unquoted */
    uint32_t n_key;   /* bytes of text before a '=' that makes it key=value; 0: none */
    bool is_quoted;   /* begins with a quote or a backslash */
};

int description_fail(struct description_error *error, uint32_t at, const char *format, ...)
{
    va_list arguments;

    error->at = at;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return -1;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_name(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_name_character(text[i]))
            return false;
    return n > 0 && text[0] >= 'a' && text[0] <= 'z';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Blanks, and comments from # to the end of the line. */
static void skip_blanks(struct description *description)
{
    const char *source = description->source;

    while (is_blank(source[description->position]) || source[description->position] == '#') {
        if (source[description->position] == '#')
            description->position += strcspn(source + description->position, "\n");
        else
            description->position++;
    }
}

static void put(struct description *description, char c)
{
    description->text[description->n_text++] = c; /* a word is never longer than its source + 1 */
}

/* Reads what is between quotes; the position is behind the first one. Returns 0 or -1. */
static int read_quoted(struct description *description, char quote, uint32_t at)
{
    const char *source = description->source;

    while (source[description->position] != quote) {
        char c = source[description->position];

        if (c == '\\' && quote == '"' && source[description->position + 1])
            c = source[++description->position];
        if (!c)
            return description_fail(description->error, at, "this quote is not closed");
        put(description, c);
        description->position++;
    }
    description->position++;
    return 0;
}

/* Reads a word up to a blank, '!' or ';', without its quotes. Returns 0 or -1. */
static int read_word(struct description *description, struct token *token)
{
    const char *source = description->source;
    char *text = &description->text[description->n_text];
    bool is_plain = true;

    token->at = (uint32_t)description->position;
    token->text = text;
    token->is_quoted = strchr("'\"\\", source[description->position]);
    while (source[description->position] && !is_blank(source[description->position]) &&
           !strchr("!;", source[description->position])) {
        uint32_t at = (uint32_t)description->position;
        char c = source[description->position++];

        is_plain &= !strchr("'\"\\", c);
        if (c == '\'' || c == '"') {
            if (read_quoted(description, c, at) < 0)
                return -1;
            continue;
        }
        if (c == '\\' && !source[description->position])
            return description_fail(description->error, at, "nothing follows this backslash");
        if (c == '\\')
            c = source[description->position++];
        else if (c == '=' && is_plain && !token->n_key)
            token->n_key = (uint32_t)(&description->text[description->n_text] - text);
        put(description, c);
    }
    put(description, '\0');
    if (token->n_key && !is_name(text, token->n_key))
        token->n_key = 0;
    if (is_plain && strlen(text) > 1 && text[strlen(text) - 1] == '.' &&
        is_name(text, strlen(text) - 1)) {
        token->kind = TOKEN_REFERENCE;
        text[strlen(text) - 1] = '\0';
    } else if (!token->is_quoted && !strncmp(text, SOURCE_PREFIX, strlen(SOURCE_PREFIX))) {
        token->kind = TOKEN_SOURCE;
    }
    return 0;
}

/* Returns 0 or -1. */
static int read_token(struct description *description, struct token *token)
{
    char c;

    *token = (struct token){0};
    skip_blanks(description);
    token->at = (uint32_t)description->position;
    c = description->source[description->position];
    if (c == '!' || c == ';') {
        token->kind = c == '!' ? TOKEN_BANG : TOKEN_SEMICOLON;
        description->position++;
        return 0;
    }
    if (!c) {
        token->kind = TOKEN_END;
        return 0;
    }
    return read_word(description, token);
}

static int add_argument(struct description *description, const char *key, const char *value,
                        uint32_t at)
{
    struct description_element *element = &description->elements[description->n_elements - 1];

    for (uint32_t i = 0; key && i < element->n_arguments; i++) {
        const char *other = description->arguments[element->first_argument + i].key;

        if (other && !strcmp(other, key))
            return description_fail(description->error, at, "%.40s= is given twice", key);
    }
    if (description->n_arguments == DESCRIPTION_MAX_ARGUMENTS)
        return description_fail(description->error, at, "more than %d arguments",
                                DESCRIPTION_MAX_ARGUMENTS);
    description->arguments[description->n_arguments++] = (struct description_argument){
        .key = key,
        .value = value,
        .at = at,
        .value_at = at + (key ? (uint32_t)strlen(key) + 1 : 0),
    };
    element->n_arguments++;
    return 0;
}

static int find_name(const struct description *description, const char *name)
{
    for (uint32_t i = 0; i < description->n_elements; i++)
        if (description->elements[i].name && !strcmp(description->elements[i].name, name))
            return (int)i;
    return -1;
}

static int take_argument(struct description *description, const struct token *token)
{
    struct description_element *element = &description->elements[description->n_elements - 1];
    const char *value = token->text + token->n_key + 1;

    if (!token->n_key)
        return add_argument(description, NULL, token->text, token->at);
    ((char *)token->text)[token->n_key] = '\0';
    if (strcmp(token->text, "name") != 0)
        return add_argument(description, token->text, value, token->at);
    if (!is_name(value, strlen(value)))
        return description_fail(description->error, token->at + token->n_key + 1,
                                "not a name: small letters, digits, - and _");
    if (element->name)
        return description_fail(description->error, token->at, "name= is given twice");
    if (find_name(description, value) >= 0)
        return description_fail(description->error, token->at + token->n_key + 1,
                                "another element is called %.40s", value);
    element->name = value;
    return 0;
}

/* Of the kind that reads a URL. */
static const char *kind_of_url(const char *url)
{
    return strncasecmp(url, "rtsp://", 7) && strncasecmp(url, "rtsps://", 8) ? "file" : "rtsp";
}

/* Begins an element with the word that names its kind, or its source. Returns 0 or -1. */
static int add_element(struct description *description, const struct token *token)
{
    struct description_element *element = &description->elements[description->n_elements];
    bool is_source = token->kind == TOKEN_SOURCE;
    bool is_url = !is_source && strstr(token->text, "://");

    if (description->n_elements == DESCRIPTION_MAX_ELEMENTS)
        return description_fail(description->error, token->at, "more than %d elements",
                                DESCRIPTION_MAX_ELEMENTS);
    *element = (struct description_element){
        .kind = is_url      ? kind_of_url(token->text)
                : is_source ? "file"
                            : token->text,
        .at = token->at,
        .first_argument = description->n_arguments,
    };
    description->n_elements++;
    if (is_url)
        return add_argument(description, NULL, token->text, token->at);
    if (is_source)
        return add_argument(description, NULL, token->text + strlen(SOURCE_PREFIX),
                            token->at + (uint32_t)strlen(SOURCE_PREFIX));
    if (token->n_key)
        return description_fail(description->error, token->at,
                                "an element's kind is expected here, not an argument");
    if (!is_name(token->text, strlen(token->text)))
        return description_fail(description->error, token->at,
                                "not an element's kind: small letters, digits, - and _");
    return 0;
}

static int add_link(struct description *description, uint32_t from, uint32_t to, uint32_t at)
{
    if (description->n_links == DESCRIPTION_MAX_LINKS)
        return description_fail(description->error, at, "more than %d connections",
                                DESCRIPTION_MAX_LINKS);
    description->links[description->n_links++] =
        (struct description_link){.from = from, .to = to, .at = at};
    return 0;
}

/* Returns 0 or -1; *end is what the link leads to or comes from. */
static int add_reference(struct description *description, const struct token *token, uint32_t *end)
{
    if (description->n_references == DESCRIPTION_MAX_LINKS)
        return description_fail(description->error, token->at, "more than %d references",
                                DESCRIPTION_MAX_LINKS);
    description->references[description->n_references].name = token->text;
    description->references[description->n_references].at = token->at;
    *end = REFERENCE_BASE + description->n_references++;
    return 0;
}

/* Reads an element or a reference; *token is what follows. Returns 0 or -1. */
static int read_element(struct description *description, struct token *token, uint32_t *end)
{
    if (token->kind == TOKEN_BANG || token->kind == TOKEN_SEMICOLON || token->kind == TOKEN_END)
        return description_fail(description->error, token->at, "an element is expected here");
    if (token->kind == TOKEN_REFERENCE)
        return add_reference(description, token, end) < 0 ? -1 : read_token(description, token);
    if (add_element(description, token) < 0)
        return -1;
    *end = description->n_elements - 1;
    if (read_token(description, token) < 0)
        return -1;
    while (token->kind == TOKEN_WORD)
        if (take_argument(description, token) < 0 || read_token(description, token) < 0)
            return -1;
    return 0;
}

/* Reads elements up to one that no '!' follows. Returns 0 or -1. */
static int read_chain(struct description *description, struct token *token)
{
    uint32_t from = NOTHING, to = NOTHING, at = token->at;
    bool is_reference = token->kind == TOKEN_REFERENCE;

    if (read_element(description, token, &from) < 0)
        return -1;
    if (is_reference && token->kind != TOKEN_BANG)
        return description_fail(description->error, at, "this branch leads nowhere: ! is missing");
    while (token->kind == TOKEN_BANG) {
        if (read_token(description, token) < 0)
            return -1;
        at = token->at;
        if (read_element(description, token, &to) < 0 || add_link(description, from, to, at) < 0)
            return -1;
        from = to;
    }
    return 0;
}

/* Puts elements where names were. Returns 0 or -1. */
static int resolve(struct description *description)
{
    for (uint32_t i = 0; i < 2 * description->n_links; i++) {
        struct description_link *link = &description->links[i / 2];
        uint32_t *end = i % 2 ? &link->to : &link->from;
        uint32_t reference;
        int element;

        if (*end < REFERENCE_BASE)
            continue;
        reference = *end - REFERENCE_BASE;
        element = find_name(description, description->references[reference].name);
        if (element < 0)
            return description_fail(description->error, description->references[reference].at,
                                    "nothing is called %.40s: name=%.40s is missing",
                                    description->references[reference].name,
                                    description->references[reference].name);
        *end = (uint32_t)element;
    }
    return 0;
}

int description_read(struct description *description, const char *text,
                     struct description_error *error)
{
    struct token token;

    *error = (struct description_error){0};
    description->n_elements = description->n_arguments = description->n_links = 0;
    description->n_text = description->n_references = 0;
    description->position = 0;
    description->source = text;
    description->n_source = strlen(text);
    description->error = error;
    if (description->n_source > DESCRIPTION_MAX_BYTES)
        return description_fail(error, DESCRIPTION_MAX_BYTES, "longer than %d bytes",
                                DESCRIPTION_MAX_BYTES);
    if (read_token(description, &token) < 0)
        return -1;
    if (token.kind == TOKEN_END)
        return description_fail(error, token.at, "nothing is described");
    while (token.kind != TOKEN_END) {
        if (read_chain(description, &token) < 0)
            return -1;
        if (token.kind == TOKEN_SEMICOLON && read_token(description, &token) < 0)
            return -1;
    }
    return resolve(description);
}

void description_print_error(FILE *file, const char *text, const struct description_error *error)
{
    size_t begin = 0, end;

    for (size_t i = 0; i < error->at && text[i]; i++)
        if (text[i] == '\n')
            begin = i + 1;
    end = begin + strcspn(text + begin, "\n");
    if (error->at > begin + 60) { /* a window of the line that holds the place */
        begin = error->at - 60;
        while ((text[begin] & 0xc0) == 0x80) /* not inside a UTF-8 character */
            begin++;
    }
    if (end > begin + 100)
        end = begin + 100;
    for (size_t i = begin; i < end; i++)
        fputc(isprint((unsigned char)text[i]) || text[i] & 0x80 ? text[i] : ' ', file);
    fputc('\n', file);
    for (size_t i = begin; i < error->at && i < end; i++)
        if ((text[i] & 0xc0) != 0x80)
            fputc(' ', file);
    fprintf(file, "^ %s\n", error->text);
}
