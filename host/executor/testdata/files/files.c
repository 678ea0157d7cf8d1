/* An executor that tries what it can do with its files, and fails with what came of it;
 * its twin in Go is main.go. Failures are errno's names. */
#define _GNU_SOURCE
#include "coda.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char report[4096];

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    size_t used = strlen(report);
    va_list args;
    va_start(args, format);
    vsnprintf(report + used, sizeof report - used, format, args);
    va_end(args);
}

static const char *name(int error) {
    switch (error) {
    case 0: return "ok";
    case ENOENT: return "ENOENT";
    case EROFS: return "EROFS";
    case EBADF: return "EBADF";
    case EPERM: return "EPERM";
    case EACCES: return "EACCES";
    case ENOSYS: return "ENOSYS";
    case EINVAL: return "EINVAL";
    case ENOTDIR: return "ENOTDIR";
    case EISDIR: return "EISDIR";
    case ENOTCAPABLE: return "ENOTCAPABLE";
    case EEXIST: return "EEXIST";
    default: return strerror(error);
    }
}

static void tried(const char *what, int result) { say("%s %s\n", what, name(result < 0 ? errno : 0)); }

static void opened(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    say("open %s %x %s\n", path, (unsigned)flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC), name(fd < 0 ? errno : 0));
    if (fd >= 0) {
        if (flags & O_WRONLY) tried("write", (int)write(fd, "x", 1));
        close(fd);
    }
}

bool coda_open(coda_device *device) {
    *device = (coda_device){.name = "files", .num_qubits = 1};
    return true;
}

bool coda_run(const coda_job *job, coda_execution *execution) {
    (void)job, (void)execution;
    char buffer[64] = "";
    struct stat about;
    report[0] = 0;
    int fd = open("/device/cal.json", O_RDONLY);
    say("read %d ", (int)read(fd, buffer, sizeof buffer - 1));
    say("%s\n", buffer);
    say("seek %d ", (int)lseek(fd, 4, SEEK_SET));
    memset(buffer, 0, sizeof buffer);
    say("%d %s\n", (int)read(fd, buffer, 3), buffer);
    say("end %d\n", (int)lseek(fd, 0, SEEK_END));
    tried("write to it", (int)write(fd, "x", 1));
    tried("truncate it", ftruncate(fd, 0));
    close(fd);
    tried("stat", stat("/device/cal.json", &about));
    say("size %d regular %d writable %d\n", (int)about.st_size, S_ISREG(about.st_mode), (about.st_mode & 0222) != 0);
    DIR *folder = opendir("/device");
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;) say("entry %s\n", e->d_name);
    if (folder) closedir(folder);
    opened("/device/other", O_RDONLY);
    opened("/device/../device/cal.json", O_RDONLY);
    opened("/device/../etc/passwd", O_RDONLY);
    opened("/device/sub/cal.json", O_RDONLY);
    opened("/etc/passwd", O_RDONLY);
    opened("/", O_RDONLY);
    opened("cal.json", O_RDONLY);
    opened("/device/cal.json", O_WRONLY);
    opened("/device/cal.json", O_RDONLY | O_TRUNC);
    opened("/device/new", O_WRONLY | O_CREAT);
    tried("unlink", unlink("/device/cal.json"));
    tried("rename", rename("/device/cal.json", "/device/new"));
    tried("mkdir", mkdir("/device/new", 0700));
    tried("rmdir", rmdir("/device/cal.json"));
    tried("symlink", symlink("/etc/passwd", "/device/new"));
    tried("link", link("/device/cal.json", "/device/new"));
    tried("readlink", (int)readlink("/device/cal.json", buffer, sizeof buffer));
    return coda_fail(CODA_UNSUPPORTED, "%s", report);
}
