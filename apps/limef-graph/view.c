/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "journal.h"

#include <limef/thread/plan_print.h>

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIXED_LINES 6   /* what is not a filter, a boundary, a change or a line of the log */
#define HEADING_LINES 2 /* what a list of changes, or the log, has beside them */
#define N_CHANGES 3
#define N_LOGGED 3
/* A terminal with fewer has no room for changes and the log. */
#define ROOMY_LINES 20

static void take_terminal(struct view *view)
{
    struct termios raw;

    if (view->holds_log)
        journal_hold();
    view->reads_keys = false;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &view->before) == 0) {
        raw = view->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        view->reads_keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    fputs("\033[?1049h\033[?25l", view->file); /* the other screen, no cursor */
    fflush(view->file);
}

static void give_terminal_back(const struct view *view)
{
    if (view->reads_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &view->before);
    fputs("\033[?25h\033[?1049l", view->file);
    fflush(view->file);
    if (view->holds_log)
        journal_release();
}

void view_open(struct view *view, FILE *file)
{
    *view = (struct view){.file = file, .is_terminal = isatty(fileno(file))};
    view->holds_log = view->is_terminal && isatty(STDERR_FILENO);
    if (view->is_terminal)
        take_terminal(view);
}

void view_close(struct view *view)
{
    if (view->is_terminal)
        give_terminal_back(view);
    *view = (struct view){0};
}

void view_suspend(struct view *view)
{
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    if (view->is_terminal)
        give_terminal_back(view);
    raise(SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, NULL); /* here it stops, and goes on some time */
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (view->is_terminal)
        take_terminal(view);
}

bool view_take_key(struct view *view, int key)
{
    static const char keys[] = {'f', 'c', 'r', 'n', 'd'}; /* as enum view_order */
    const char *found = memchr(keys, key, sizeof(keys));

    if (found)
        view->order = (enum view_order)(found - keys);
    return key != 'q';
}

/* What is sorted: qsort_r() gives it to the comparison. */
struct sorting {
    const struct watch *watch;
    enum view_order order;
};

static int compare_numbers(double a, double b)
{
    return (a < b) - (a > b); /* the largest first */
}

static int compare_filters(const void *left, const void *right, void *context)
{
    const struct sorting *sorting = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct watch_filter *more = sorting->watch->more;
    const struct limef_graph_filter_look *filters = sorting->watch->filters;
    int order = 0;

    switch (sorting->order) {
    case VIEW_BY_COST:
        order = compare_numbers(more[a].load, more[b].load);
        break;
    case VIEW_BY_RATE:
        order = compare_numbers(more[a].rate_hz, more[b].rate_hz);
        break;
    case VIEW_BY_NAME:
        order = strcmp(filters[a].name, filters[b].name);
        break;
    case VIEW_BY_DROPS:
        order = compare_numbers((double)more[a].n_drops, (double)more[b].n_drops);
        break;
    case VIEW_BY_CHAIN:
        break;
    }
    return order ? order : (a > b) - (a < b);
}

static int compare_boundaries(const void *left, const void *right, void *context)
{
    const struct sorting *sorting = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct limef_graph_boundary_look *boundaries = sorting->watch->boundaries;
    const struct limef_lane_counters *x = &boundaries[a].counters, *y = &boundaries[b].counters;
    int order = 0;

    switch (sorting->order) {
    case VIEW_BY_DROPS:
        order = compare_numbers((double)limef_lane_n_dropped(&boundaries[a].counters),
                                (double)limef_lane_n_dropped(&boundaries[b].counters));
        break;
    case VIEW_BY_COST:
        order = compare_numbers((double)boundaries[a].oldest_us, (double)boundaries[b].oldest_us);
        break;
    case VIEW_BY_RATE:
        order = compare_numbers((double)x->n_written, (double)y->n_written);
        break;
    case VIEW_BY_NAME:
        order = strcmp(boundaries[a].from->name, boundaries[b].from->name);
        break;
    case VIEW_BY_CHAIN:
        break;
    }
    return order ? order : (a > b) - (a < b);
}

/* A number that may not be known, in so many columns. */
static void put_number(FILE *file, double number, int columns, int digits)
{
    if (number < 0)
        fprintf(file, " %*s", columns, "-");
    else
        fprintf(file, " %*.*f", columns, digits, number);
}

static void print_process(FILE *file, const struct watch *watch)
{
    fprintf(file,
            "limef-graph  %.1f s  processor %.0f %%  threads %u  switches %.0f/s  "
            "plan changes %llu\n",
            (double)(watch->looked_us - watch->began_us) / 1e6, 100 * watch->cpu_load,
            watch->n_threads, watch->switch_hz,
            (unsigned long long)limef_graph_n_plan_changes(&watch->assembly->graph));
}

static const char *scheduled_name(enum limef_scheduled scheduled)
{
    static const char *const names[] = {
        [LIMEF_SCHEDULED_DEFAULT] = "",
        [LIMEF_SCHEDULED_NICE] = " nice",
        [LIMEF_SCHEDULED_RR] = " RR",
        [LIMEF_SCHEDULED_FIFO] = " FIFO",
    };

    return (size_t)scheduled < sizeof(names) / sizeof(names[0]) ? names[scheduled] : "";
}

static void print_filter(FILE *file, const struct watch *watch, uint32_t i)
{
    const struct limef_graph_filter_look *look = &watch->filters[i];
    const struct watch_filter *more = &watch->more[i];
    char class[32];

    snprintf(class, sizeof(class), "%s%s", limef_priority_name(look->priority),
             scheduled_name(look->scheduled_as));
    fprintf(file, "%-18.18s %-11.11s", look->name, look->kind);
    put_number(file, look->cost_us, 9, 1);
    put_number(file, look->p95_us, 9, 1);
    put_number(file, more->load < 0 ? more->load : 100 * more->load, 6, 1);
    put_number(file, more->rate_hz, 8, 1);
    fprintf(file, "  %-15.15s %7d %s\n", *look->thread ? look->thread : "-", look->tid, class);
}

static void print_boundary(FILE *file, const struct limef_graph_boundary_look *boundary)
{
    const struct limef_lane_counters *counters = &boundary->counters;
    char name[64];

    snprintf(name, sizeof(name), "%s > %s", boundary->from->name, boundary->to->name);
    fprintf(file, "%-30.30s %3u /%3u %4u", name, boundary->n_waiting, counters->depth,
            counters->max_used);
    put_number(file, (double)boundary->oldest_us / 1e3, 8, 2);
    fprintf(file, " %7llu", (unsigned long long)limef_lane_n_dropped(&boundary->counters));
    put_number(file, (double)boundary->wait_p50_us / 1e3, 8, 2);
    put_number(file, (double)boundary->wait_p99_us / 1e3, 8, 2);
    fprintf(file, " %9llu  %s\n", (unsigned long long)counters->n_written,
            limef_overflow_name(boundary->overflow));
}

/* What is shown below the tables, the latest of each. */
struct below {
    size_t n_changes, n_logged;
};

static struct below choose_below(const struct watch *watch, unsigned n_lines)
{
    if (n_lines && n_lines < ROOMY_LINES)
        return (struct below){0};
    return (struct below){.n_changes = watch->n_changes < N_CHANGES ? watch->n_changes : N_CHANGES,
                          .n_logged = journal_count(N_LOGGED)};
}

static unsigned lines_of(size_t n)
{
    return n ? HEADING_LINES + (unsigned)n : 0;
}

/* How many of two lists are shown where there is not room for all. */
static void share_lines(unsigned n_lines, uint32_t *n_filters, uint32_t *n_boundaries)
{
    uint32_t room = n_lines > FIXED_LINES ? n_lines - FIXED_LINES : 0;

    if (!n_lines || *n_filters + *n_boundaries <= room)
        return;
    if (*n_filters > room / 2)
        *n_filters = *n_boundaries < room - room / 2 ? room - *n_boundaries : room / 2;
    *n_boundaries = *n_boundaries < room - *n_filters ? *n_boundaries : room - *n_filters;
}

/* The boundaries of now, without those that a change of the plan took away. */
static uint32_t collect_cut(const struct watch *watch, uint32_t *numbers)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < watch->n_boundaries; i++)
        if (watch->boundaries[i].is_cut)
            numbers[n++] = i;
    return n;
}

static void print_tables(FILE *file, const struct watch *watch, enum view_order order,
                         unsigned n_lines, uint32_t *numbers)
{
    struct sorting sorting = {watch, order};
    uint32_t n_filters = (uint32_t)watch->n_filters;
    uint32_t n_cut = collect_cut(watch, numbers), n_boundaries = n_cut;
    struct below below = choose_below(watch, n_lines);

    if (n_lines)
        n_lines -= lines_of(below.n_changes) + lines_of(below.n_logged);
    share_lines(n_lines, &n_filters, &n_boundaries);
    fprintf(file, "\n%-18s %-11s %9s %9s %6s %8s  %-15s %7s %s\n", "FILTER", "KIND", "COST us",
            "P95 us", "CORE %", "RATE/s", "THREAD", "TID", "PRIORITY");
    for (uint32_t i = 0; i < watch->n_filters; i++)
        numbers[i] = i;
    qsort_r(numbers, watch->n_filters, sizeof(*numbers), compare_filters, &sorting);
    for (uint32_t i = 0; i < n_filters; i++)
        print_filter(file, watch, numbers[i]);

    /* what is looked for first is within 80 columns */
    fprintf(file, "\n%-30s %8s %4s %8s %7s %8s %8s %9s  %s\n", "BOUNDARY", "WAITS/OF", "MAX",
            "AGE ms", "DROPS", "P50 ms", "P99 ms", "FRAMES", "WHEN FULL");
    collect_cut(watch, numbers);
    qsort_r(numbers, n_cut, sizeof(*numbers), compare_boundaries, &sorting);
    for (uint32_t i = 0; i < n_boundaries; i++)
        print_boundary(file, &watch->boundaries[numbers[i]]);

    if (below.n_changes)
        fprintf(file, "\n%10s %4s  %s\n", "AT", "NO", "CHANGE OF THE PLAN; WHY");
    watch_print_changes(watch, below.n_changes, file);
    if (below.n_logged)
        fputs("\nLOG\n", file);
    journal_print(file, below.n_logged);
}

/* Cut where the columns end; names and URLs may have anything in them. */
static void put_line(FILE *file, const char *line, size_t n_bytes, unsigned n_columns)
{
    for (; n_bytes; line++, n_bytes--) {
        unsigned char byte = (unsigned char)*line;

        if ((byte & 0xc0) != 0x80 && !n_columns--) /* not within a character of UTF-8 */
            return;
        fputc(byte < ' ' || byte == 0x7f ? '?' : byte, file);
    }
}

void view_print(FILE *file, const struct watch *watch, enum view_order order, unsigned n_lines,
                unsigned n_columns)
{
    size_t max = watch->n_filters > watch->n_boundaries ? watch->n_filters : watch->n_boundaries;
    uint32_t *numbers = calloc(max + 1, sizeof(*numbers));
    char *text = NULL, *line, *rest;
    size_t n_bytes = 0;
    unsigned n_left = n_lines ? n_lines - 1 : UINT_MAX; /* the last one has the keys */
    FILE *memory = numbers ? open_memstream(&text, &n_bytes) : NULL;

    if (memory) {
        print_process(memory, watch);
        print_tables(memory, watch, order, n_lines, numbers);
        fclose(memory);
    }
    for (line = text; line && *line && n_left; line = rest, n_left--) {
        size_t n = strcspn(line, "\n");

        rest = line + n + (line[n] == '\n');
        put_line(file, line, n, n_columns ? n_columns : UINT_MAX);
        fputs(n_columns ? "\033[K\n" : "\n", file);
    }
    free(text);
    free(numbers);
}

void view_draw(const struct view *view, const struct watch *watch)
{
    static const char keys[] = "sort: f flow  c cost  r rate  n name  d drops    q quit";
    struct winsize size = {0};

    if (!view->is_terminal) {
        view_print(view->file, watch, view->order, 0, 0);
        fputc('\n', view->file);
        fflush(view->file);
        return;
    }
    ioctl(fileno(view->file), TIOCGWINSZ, &size);
    if (!size.ws_row || !size.ws_col)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    fputs("\033[H", view->file);
    view_print(view->file, watch, view->order, size.ws_row, size.ws_col);
    fprintf(view->file, "\033[J\033[%u;1H%.*s\033[K", size.ws_row, size.ws_col, keys);
    fflush(view->file);
}
