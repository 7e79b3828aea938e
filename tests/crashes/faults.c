/* Lets a system call on the log's files fail, as planned: loaded with LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { WRITE, SYNC, TRUNCATE, OPEN, RENAME, ANY };
enum { SHORT = -1, KILL = -2, LIE = -3 };

/* One plan for a process and all that it forks. */
static struct {
    atomic_long seen, hits, first, times;
    enum call call;
    int how;
    char folder[4096];
} *plan;

__attribute__((constructor)) static void share(void) {
    plan = mmap(0, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* Plan a fault for the `nth` call of a kind, from 0, on a file in `folder`, and for `times` calls. */
void plan_fault(int call, int how, long nth, long times, const char *folder) {
    plan->times = 0;
    plan->call = call, plan->how = how, plan->first = nth;
    strncpy(plan->folder, folder, sizeof plan->folder - 1);
    plan->seen = plan->hits = 0;
    plan->times = times;
}

long faults_so_far(void) { return plan->hits; }

static int due(enum call call) {
    if (plan->call != ANY && plan->call != call) return 0;
    long number = plan->seen++;
    if (number < plan->first || number >= plan->first + plan->times) return 0;
    plan->hits++;
    if (plan->how == KILL) kill(0, SIGKILL);
    return plan->how;
}

static int of_path(enum call call, const char *path) {
    if (!plan || !plan->times || strncmp(path, plan->folder, strlen(plan->folder))) return 0;
    return due(call);
}

static int of_file(enum call call, int file) {
    if (!plan || !plan->times) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return of_path(call, path);
}

#define REAL(name) ({ static __typeof__(&name) real; real ? real : (real = dlsym(RTLD_NEXT, #name)); })
#define FAIL(how) return errno = (how), -1

ssize_t write(int file, const void *data, size_t size) {
    int how = of_file(WRITE, file);
    if (how == LIE) return (ssize_t)size;
    if (how == SHORT) size = size > 1 ? size / 2 : size;
    else if (how) FAIL(how);
    return REAL(write)(file, data, size);
}

#define PWRITE(name, offset)                                              \
    ssize_t name(int file, const void *data, size_t size, offset at) {    \
        int how = of_file(WRITE, file);                                   \
        if (how == LIE) return (ssize_t)size;                             \
        if (how == SHORT) size = size > 1 ? size / 2 : size;              \
        else if (how) FAIL(how);                                          \
        return REAL(name)(file, data, size, at);                          \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define ONE(name, call, parameters, arguments)                            \
    int name parameters {                                                 \
        int how = of_file(call, file);                                    \
        if (how == LIE) return 0;                                         \
        if (how > 0) FAIL(how);                                           \
        return REAL(name) arguments;                                      \
    }
ONE(fsync, SYNC, (int file), (file))
ONE(fdatasync, SYNC, (int file), (file))
ONE(ftruncate, TRUNCATE, (int file, off_t size), (file, size))
ONE(ftruncate64, TRUNCATE, (int file, off64_t size), (file, size))

#define OPENING(name)                                                     \
    int name(const char *path, int flags, ...) {                          \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;         \
        va_end(rest);                                                     \
        int how = flags & (O_WRONLY | O_RDWR) ? of_path(OPEN, path) : 0;  \
        if (how > 0) FAIL(how);                                           \
        return REAL(name)(path, flags, mode);                             \
    }
OPENING(open)
OPENING(open64)

#define RENAMING(name, parameters, arguments)                             \
    int name parameters {                                                 \
        int how = of_path(RENAME, old);                                   \
        if (how > 0) FAIL(how);                                           \
        return REAL(name) arguments;                                      \
    }
RENAMING(rename, (const char *old, const char *new), (old, new))
RENAMING(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
