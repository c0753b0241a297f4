/* Preloaded into a receiver, notes in one journal and in one order what it does to the files below a folder, and what
 * it answers over HTTP. journal.rs reads the journal, and says which variables name the folder and the journal.
 *
 * A write is noted and done under one lock, so nothing comes between the two. A sync is noted twice, when it is asked
 * for and when it has come back: what is written in between is not covered by it. An answer is noted before it is sent.
 *
 * Files are known by their inodes, whichever descriptor is used. What is written past these functions (by system calls
 * of one's own, by mapped memory) is not seen; the test finds that out by comparing what was noted with what is there.
 * System calls are made directly, so no function of the C library has to be looked up. 64-bit Linux only. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { STARTED = 1, OPENED, MADE, WRITTEN, TRUNCATED, SYNC_BEGUN, SYNCED, MOVED, LINKED, REMOVED, ANSWERED, UNKNOWN };

/* What a note begins with; `length` bytes follow. */
struct head {
    uint32_t kind;
    uint32_t length;
    uint64_t file; /* the inode */
    uint64_t at;   /* an offset, a size, whether a folder, the number of a sync */
};

/* Where an offset has 64 bits anyway, the functions with 64 in their names are the same. */
_Static_assert(sizeof(off_t) == 8, "a 64-bit Linux");
#define SAME_AS(name) __attribute__((alias(name)))

#define MAX_FILES 4096
#define MAX_ANSWER (64 << 10)

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static char root[PATH_MAX];
static size_t root_length;
static dev_t device;
static uint64_t files[MAX_FILES];
static volatile size_t file_count;
static uint64_t sync_count;
static struct timespec sync_pause;

static void fail(const char *why) {
    dprintf(2, "recorder: %s\n", why);
    abort();
}

static void note_parts(enum kind kind, uint64_t file, uint64_t at, const struct iovec *parts, int count) {
    struct head head = {kind, 0, file, at};
    struct iovec all[IOV_MAX];
    if (count >= IOV_MAX) fail("too many parts");
    all[0] = (struct iovec){&head, sizeof head};
    for (int i = 0; i < count; i++) {
        all[i + 1] = parts[i];
        head.length += parts[i].iov_len;
    }
    ssize_t total = sizeof head + head.length;
    if (syscall(SYS_writev, journal, all, count + 1) != total) fail("the journal takes no more");
}

static void note(enum kind kind, uint64_t file, uint64_t at, const void *bytes, size_t length) {
    struct iovec part = {(void *)bytes, length};
    note_parts(kind, file, at, &part, 1);
}

static void note_path(enum kind kind, uint64_t file, uint64_t at, const char *path) {
    note(kind, file, at, path, strlen(path));
}

__attribute__((constructor)) static void start(void) {
    const char *folder = getenv("RECORDER_FOLDER"), *path = getenv("RECORDER_JOURNAL"), *pause;
    struct stat about;
    if (!folder || !path) return;
    /* What the receiver starts is another program. */
    unsetenv("LD_PRELOAD");
    root_length = strlen(folder);
    if (root_length >= sizeof root || stat(folder, &about)) fail("there is no such folder");
    memcpy(root, folder, root_length + 1);
    device = about.st_dev;
    files[file_count++] = about.st_ino;
    if ((pause = getenv("RECORDER_SYNC_PAUSE_US"))) sync_pause.tv_nsec = atol(pause) * 1000;
    journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) fail("cannot open the journal");
    note(STARTED, about.st_ino, 0, "", 0);
}

/* The path below the folder, empty for the folder itself; NULL if it is elsewhere. */
static const char *below(int folder, const char *path, char *full) {
    if (journal < 0 || !path) return NULL;
    if (path[0] == '/' || !path[0]) {
        if (snprintf(full, PATH_MAX, "%s", path) >= PATH_MAX) return NULL;
    } else {
        char link[64], base[PATH_MAX];
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return NULL;
        base[length] = 0;
        if (snprintf(full, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
    }
    if (strncmp(full, root, root_length)) return NULL;
    if (!full[root_length]) return full + root_length;
    return full[root_length] == '/' ? full + root_length + 1 : NULL;
}

static int is_known(uint64_t file) {
    for (size_t i = file_count; i-- > 0;)
        if (files[i] == file) return 1;
    return 0;
}

static void know(uint64_t file) {
    if (is_known(file)) return;
    if (file_count == MAX_FILES) fail("too many files");
    files[file_count++] = file;
}

static int is_below(int descriptor, struct stat *about) {
    int before = errno;
    int found = journal >= 0 && !fstat(descriptor, about) && about->st_dev == device &&
                (S_ISREG(about->st_mode) || S_ISDIR(about->st_mode)) && is_known(about->st_ino);
    errno = before;
    return found;
}

/* Opening */

static int do_open(int folder, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    const char *name = below(folder, path, full);
    if (!name) return syscall(SYS_openat, folder, path, flags, mode);
    pthread_mutex_lock(&order);
    struct stat about;
    int was_there = !stat(full, &about);
    int descriptor = syscall(SYS_openat, folder, path, flags, mode);
    int error = errno;
    if (descriptor >= 0 && !fstat(descriptor, &about)) {
        know(about.st_ino);
        if ((flags & O_TMPFILE) == O_TMPFILE) note_path(UNKNOWN, 0, 0, "O_TMPFILE");
        else if (!was_there) note_path(MADE, about.st_ino, 0, name);
        else {
            note_path(OPENED, about.st_ino, S_ISDIR(about.st_mode), name);
            if (flags & O_TRUNC) note(TRUNCATED, about.st_ino, 0, "", 0);
        }
    }
    pthread_mutex_unlock(&order);
    errno = error;
    return descriptor;
}

#define MODE_OF(flags)                                         \
    mode_t mode = 0;                                           \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list more;                                          \
        va_start(more, flags);                                 \
        mode = va_arg(more, mode_t);                           \
        va_end(more);                                          \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return do_open(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    MODE_OF(flags)
    return do_open(folder, path, flags, mode);
}
int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int open64(const char *, int, ...) SAME_AS("open");
int openat64(int, const char *, int, ...) SAME_AS("openat");
int creat64(const char *, mode_t) SAME_AS("creat");

/* Writing */

#define PLACE_OF_DESCRIPTOR -1

static int is_answer(int descriptor, const struct iovec *parts, int count) {
    static const char begin[] = "HTTP/1.1 ";
    struct stat about;
    return journal >= 0 && count > 0 && parts[0].iov_len >= sizeof begin &&
           !memcmp(parts[0].iov_base, begin, sizeof begin - 1) && !fstat(descriptor, &about) &&
           S_ISSOCK(about.st_mode);
}

static void note_answer(const struct iovec *parts, int count) {
    static char answer[MAX_ANSWER];
    pthread_mutex_lock(&order);
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        size_t more = parts[i].iov_len;
        if (more > sizeof answer - length) more = sizeof answer - length;
        memcpy(answer + length, parts[i].iov_base, more);
        length += more;
    }
    note(ANSWERED, 0, 0, answer, length);
    pthread_mutex_unlock(&order);
}

static ssize_t plain_write(int descriptor, const struct iovec *parts, int count, off_t offset) {
    if (offset == PLACE_OF_DESCRIPTOR) return syscall(SYS_writev, descriptor, parts, count);
    if (count == 1) return syscall(SYS_pwrite64, descriptor, parts->iov_base, parts->iov_len, offset);
    return syscall(SYS_pwritev, descriptor, parts, count, offset, 0);
}

static ssize_t do_write(int descriptor, const struct iovec *parts, int count, off_t offset) {
    struct stat about;
    if (!is_below(descriptor, &about)) {
        if (is_answer(descriptor, parts, count)) note_answer(parts, count);
        return plain_write(descriptor, parts, count, offset);
    }
    pthread_mutex_lock(&order);
    off_t place = offset;
    if (place == PLACE_OF_DESCRIPTOR) {
        int appends = fcntl(descriptor, F_GETFL) & O_APPEND;
        place = lseek(descriptor, 0, SEEK_CUR);
        if (appends && !fstat(descriptor, &about)) place = about.st_size;
    }
    ssize_t total = 0;
    for (int i = 0; i < count; i++) total += parts[i].iov_len;
    note_parts(WRITTEN, about.st_ino, place, parts, count);
    ssize_t written = plain_write(descriptor, parts, count, offset);
    int error = errno;
    if (written != total) note_path(UNKNOWN, about.st_ino, 0, "a write that was not done, or in part");
    pthread_mutex_unlock(&order);
    errno = error;
    return written;
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    struct iovec part = {(void *)bytes, length};
    return do_write(descriptor, &part, 1, PLACE_OF_DESCRIPTOR);
}
ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    struct iovec part = {(void *)bytes, length};
    return do_write(descriptor, &part, 1, offset);
}
ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    return do_write(descriptor, parts, count, PLACE_OF_DESCRIPTOR);
}
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    return do_write(descriptor, parts, count, offset);
}

/* Who copies within the system is told that it cannot, and then reads and writes. */
ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned flags) {
    (void)from, (void)from_offset, (void)to, (void)to_offset, (void)length, (void)flags;
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile(int to, int from, off_t *offset, size_t length) {
    (void)to, (void)from, (void)offset, (void)length;
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile64(int to, int from, off_t *offset, size_t length) SAME_AS("sendfile");
ssize_t pwrite64(int, const void *, size_t, off64_t) SAME_AS("pwrite");
ssize_t pwritev64(int, const struct iovec *, int, off64_t) SAME_AS("pwritev");

/* Sizes */

int ftruncate(int descriptor, off_t size) {
    struct stat about;
    if (!is_below(descriptor, &about)) return syscall(SYS_ftruncate, descriptor, size);
    pthread_mutex_lock(&order);
    note(TRUNCATED, about.st_ino, size, "", 0);
    int done = syscall(SYS_ftruncate, descriptor, size);
    if (done) fail("cannot truncate");
    pthread_mutex_unlock(&order);
    return done;
}

int ftruncate64(int, off64_t) SAME_AS("ftruncate");

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    struct stat about;
    if (!is_below(descriptor, &about)) return syscall(SYS_fallocate, descriptor, mode, offset, length);
    pthread_mutex_lock(&order);
    if (mode) note_path(UNKNOWN, about.st_ino, 0, "fallocate with a mode");
    else if (!fstat(descriptor, &about) && offset + length > about.st_size)
        note(TRUNCATED, about.st_ino, offset + length, "", 0);
    int done = syscall(SYS_fallocate, descriptor, mode, offset, length);
    if (done) fail("cannot allocate");
    pthread_mutex_unlock(&order);
    return done;
}

int posix_fallocate(int descriptor, off_t offset, off_t length) {
    return fallocate(descriptor, 0, offset, length) ? errno : 0;
}
int fallocate64(int, int, off64_t, off64_t) SAME_AS("fallocate");
int posix_fallocate64(int, off64_t, off64_t) SAME_AS("posix_fallocate");

/* Syncing. sync_file_range, sync and syncfs are not noted: what they do is not relied on. */

static int do_sync(int descriptor, long call) {
    struct stat about;
    if (!is_below(descriptor, &about)) return syscall(call, descriptor);
    pthread_mutex_lock(&order);
    uint64_t number = ++sync_count;
    note(SYNC_BEGUN, about.st_ino, number, "", 0);
    pthread_mutex_unlock(&order);
    /* A disk takes its time, in which other threads write. */
    if (sync_pause.tv_nsec) nanosleep(&sync_pause, NULL);
    int done = syscall(call, descriptor);
    int error = errno;
    if (!done) {
        pthread_mutex_lock(&order);
        note(SYNCED, about.st_ino, number, "", 0);
        pthread_mutex_unlock(&order);
    }
    errno = error;
    return done;
}

int fsync(int descriptor) { return do_sync(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return do_sync(descriptor, SYS_fdatasync); }

/* Names */

static int do_mkdir(int folder, const char *path, mode_t mode) {
    char full[PATH_MAX];
    const char *name = below(folder, path, full);
    if (!name) return syscall(SYS_mkdirat, folder, path, mode);
    pthread_mutex_lock(&order);
    int done = syscall(SYS_mkdirat, folder, path, mode);
    int error = errno;
    struct stat about;
    if (!done && !stat(full, &about)) {
        know(about.st_ino);
        note_path(MADE, about.st_ino, 1, name);
    }
    pthread_mutex_unlock(&order);
    errno = error;
    return done;
}

int mkdir(const char *path, mode_t mode) { return do_mkdir(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { return do_mkdir(folder, path, mode); }

static int do_remove(int folder, const char *path, int flags) {
    char full[PATH_MAX];
    const char *name = below(folder, path, full);
    if (!name) return syscall(SYS_unlinkat, folder, path, flags);
    pthread_mutex_lock(&order);
    int done = syscall(SYS_unlinkat, folder, path, flags);
    int error = errno;
    if (!done) note_path(REMOVED, 0, 0, name);
    pthread_mutex_unlock(&order);
    errno = error;
    return done;
}

int unlink(const char *path) { return do_remove(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return do_remove(folder, path, flags); }
int rmdir(const char *path) { return do_remove(AT_FDCWD, path, AT_REMOVEDIR); }

/* A name given to what has another: in its place (`MOVED`), or beside it. */
static int do_name(enum kind kind, int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char full_from[PATH_MAX], full_to[PATH_MAX];
    const char *old = below(from_folder, from, full_from), *new = below(to_folder, to, full_to);
    long call = kind == MOVED ? SYS_renameat2 : SYS_linkat;
    if (!old && !new) return syscall(call, from_folder, from, to_folder, to, flags);
    pthread_mutex_lock(&order);
    int done = syscall(call, from_folder, from, to_folder, to, flags);
    int error = errno;
    if (!done && old && new && !(kind == MOVED && flags & ~1u)) {
        struct iovec both[2] = {{(void *)old, strlen(old) + 1}, {(void *)new, strlen(new)}};
        note_parts(kind, 0, 0, both, 2);
    } else if (!done) note_path(UNKNOWN, 0, 0, "a file that went into the folder or out of it");
    pthread_mutex_unlock(&order);
    errno = error;
    return done;
}

int rename(const char *from, const char *to) { return do_name(MOVED, AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return do_name(MOVED, from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    return do_name(MOVED, from_folder, from, to_folder, to, flags);
}
int link(const char *from, const char *to) { return do_name(LINKED, AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    return do_name(LINKED, from_folder, from, to_folder, to, flags);
}

/* Answering */

ssize_t sendto(int descriptor, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
    struct iovec part = {(void *)bytes, length};
    if (is_answer(descriptor, &part, 1)) note_answer(&part, 1);
    return syscall(SYS_sendto, descriptor, bytes, length, flags, to, size);
}
ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
    return sendto(descriptor, bytes, length, flags, NULL, 0);
}
ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    if (is_answer(descriptor, message->msg_iov, message->msg_iovlen))
        note_answer(message->msg_iov, message->msg_iovlen);
    return syscall(SYS_sendmsg, descriptor, message, flags);
}
