/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_COMMANDS 32
#define MAX_TEXT_BYTES 2048
#define ANY_CALL N_CALLS
#define NS_PER_MS 1000000

struct command {
    unsigned call; /* enum call, or ANY_CALL */
    unsigned long first;
    bool is_onward;
    VAStatus status;
    unsigned long wait_ms;
};

/* guarded by lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char environment[MAX_TEXT_BYTES]; /* as it was read last */
static bool is_valid = true;
static struct command commands[MAX_COMMANDS];
static unsigned n_commands;
static unsigned long n_calls[N_CALLS + 1]; /* the last: of all */
static struct stat file_status;
static bool is_noted; /* that one of the commands was obeyed */

static bool parse_call(struct command *command, const char *name)
{
    static const char *const names[] = {
#define VA_CALL(call, function) #call,
        VA_CALLS(VA_CALL)
#undef VA_CALL
            "*",
    };

    for (unsigned call = 0; call <= ANY_CALL; call++) {
        if (!strcmp(name, names[call])) {
            command->call = call;
            return true;
        }
    }
    return false;
}

static bool parse_command(struct command *command, char *text)
{
    char *rest = strchr(text, '=');
    bool has_code;

    *command = (struct command){.status = VA_STATUS_SUCCESS};
    if (!rest)
        return false;
    *rest++ = '\0';
    if (!parse_call(command, text))
        return false;
    command->first = strtoul(rest, &rest, 10);
    command->is_onward = *rest == '+';
    rest += command->is_onward;
    has_code = *rest == ':';
    if (has_code)
        command->status = (VAStatus)strtoul(rest + 1, &rest, 0);
    if (*rest == '@')
        command->wait_ms = strtoul(rest + 1, &rest, 10);
    else if (!has_code)
        command->status = VA_STATUS_ERROR_OPERATION_FAILED;
    return command->first > 0 && *rest == '\0' &&
           (command->status != VA_STATUS_SUCCESS || command->wait_ms > 0);
}

static bool parse(const char *source)
{
    char text[MAX_TEXT_BYTES];
    char *position = NULL;

    n_commands = 0;
    is_noted = false;
    memset(n_calls, 0, sizeof(n_calls));
    snprintf(text, sizeof(text), "%s", source);
    for (char *word = strtok_r(text, ", \n", &position); word && n_commands < MAX_COMMANDS;
         word = strtok_r(NULL, ", \n", &position)) {
        if (!parse_command(&commands[n_commands], word)) {
            fprintf(stderr, "limef_drv_video: not a command: %s\n", word);
            return false;
        }
        n_commands++;
    }
    return true;
}

static void read_file(void)
{
    const char *path = getenv("LIMEF_TEST_VA_FAIL_FILE");
    char text[MAX_TEXT_BYTES];
    struct stat status;
    size_t size;
    FILE *file;

    if (!path || stat(path, &status) < 0 ||
        (status.st_ino == file_status.st_ino && status.st_size == file_status.st_size &&
         status.st_mtim.tv_sec == file_status.st_mtim.tv_sec &&
         status.st_mtim.tv_nsec == file_status.st_mtim.tv_nsec))
        return;
    file = fopen(path, "re");
    if (!file)
        return;
    size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    file_status = status;
    parse(text);
}

bool fault_init(void)
{
    const char *text = getenv("LIMEF_TEST_VA_FAIL");
    bool is_right;

    pthread_mutex_lock(&lock);
    if (strncmp(text ? text : "", environment, sizeof(environment) - 1)) {
        snprintf(environment, sizeof(environment), "%s", text ? text : "");
        is_valid = parse(environment);
    }
    is_right = is_valid;
    pthread_mutex_unlock(&lock);
    return is_right;
}

static bool holds(const struct command *command, unsigned call)
{
    unsigned long n = n_calls[command->call];

    /* libva leaks a display that cannot be ended */
    bool is_meant =
        command->call == call || (command->call == ANY_CALL && call != CALL_vaTerminate);

    return is_meant && (n == command->first || (command->is_onward && n > command->first));
}

static void note_failed(void)
{
    const char *path = is_noted ? NULL : getenv("LIMEF_TEST_VA_FAILED");
    FILE *file = path ? fopen(path, "we") : NULL;

    is_noted = true;
    if (file)
        fclose(file);
}

VAStatus fault(enum call call)
{
    VAStatus status = VA_STATUS_SUCCESS;
    unsigned long wait_ms = 0;

    pthread_mutex_lock(&lock);
    read_file();
    n_calls[call]++;
    n_calls[ANY_CALL]++;
    for (unsigned i = 0; i < n_commands; i++) {
        if (!holds(&commands[i], call))
            continue;
        wait_ms += commands[i].wait_ms;
        if (status == VA_STATUS_SUCCESS)
            status = commands[i].status;
    }
    if (status != VA_STATUS_SUCCESS)
        note_failed();
    pthread_mutex_unlock(&lock);

    if (wait_ms) {
        struct timespec time = {.tv_sec = (time_t)(wait_ms / 1000),
                                .tv_nsec = (long)(wait_ms % 1000) * NS_PER_MS};

        nanosleep(&time, NULL);
    }
    return status;
}
