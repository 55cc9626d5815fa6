/* Tests of conf/service.h: what is told, what is kept, what a start is handed; and a manager that is not there, or does not listen. */
#include "support.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/conf/service.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A manager's end, by a pair of sockets; the program's end is named in the environment. */
static int manager(int *ret_theirs)
{
    int pair[2];
    char text[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    (void)snprintf(text, sizeof text, "%d", pair[1]);
    assert_int_equal(setenv("DOGWATCH_NOTIFY_FD", text, 1), 0);
    *ret_theirs = pair[1];
    return pair[0];
}

/* The next message; its descriptor, or -1. */
static int next(int fd, char text[256])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = text, .iov_len = 255};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    int got = -1;
    text[n < 0 ? 0 : n] = '\0';
    if (n >= 0 && CMSG_FIRSTHDR(&m))
        memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    return got;
}

static void what_is_told_and_kept_arrives(void **state)
{
    (void)state;
    struct dw_service s;
    struct stat mine, kept;
    char text[256];
    int theirs, ours = manager(&theirs);
    assert_int_equal(dw_service_begin(&s), DW_OK);
    assert_null(getenv("DOGWATCH_NOTIFY_FD"));
    dw_service_tell(&s, "READY=1");
    assert_int_equal(next(ours, text), -1);
    assert_string_equal(text, "READY=1");
    int file = open("/etc/hosts", O_RDONLY);
    assert_true(dw_service_keep(&s, file, "1f-2"));
    int got = next(ours, text);
    assert_string_equal(text, "FDSTORE=1\nFDNAME=1f-2");
    assert_true(got >= 0 && fstat(got, &kept) == 0 && fstat(file, &mine) == 0 && kept.st_ino == mine.st_ino);
    dw_service_let_go(&s, "1f-2");
    assert_int_equal(next(ours, text), -1);
    assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=1f-2");
    close(got);
    close(file);
    close(ours);
    dw_service_end(&s);
}

static void a_socket_by_its_path_is_found(void **state)
{
    (void)state;
    struct dw_service s;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char text[256];
    const char *dir = temp_dir();
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", dir);
    int ours = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(ours, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "2000000", 1), 0);
    assert_int_equal(dw_service_begin(&s), DW_OK);
    dw_service_live(&s, 5000000000);
    dw_service_live(&s, 5100000000); /* not due yet */
    dw_service_live(&s, 6000000000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(next(ours, text), -1);
        assert_string_equal(text, "WATCHDOG=1");
    }
    assert_int_equal(next(ours, text), -1);
    assert_string_equal(text, "");
    dw_service_end(&s);
    close(ours);
    temp_dir_remove(dir);
}

/* In a process of its own: descriptors from 3 on are passed. */
static int passed(void)
{
    struct dw_service s;
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    int a = open("/etc/hosts", O_RDONLY), b = open("/etc/passwd", O_RDONLY);
    if (dup2(a, 100) < 0 || dup2(b, 101) < 0 || dup2(100, 3) < 0 || dup2(101, 4) < 0)
        return 1;
    if (setenv("LISTEN_FDS", "2", 1) || setenv("LISTEN_FDNAMES", "3-1:3-2", 1) || setenv("LISTEN_PID", pid, 1))
        return 2;
    if (dw_service_begin(&s) != DW_OK || s.kept_count != 2 || s.kept[0].fd != 3 || strcmp(s.kept[1].name, "3-2") != 0)
        return 3;
    if (getenv("LISTEN_FDS") || !(fcntl(3, F_GETFD) & FD_CLOEXEC))
        return 4;
    dw_service_end(&s);
    if (fcntl(3, F_GETFD) >= 0 || fcntl(4, F_GETFD) >= 0)
        return 5;
    if (setenv("LISTEN_FDS", "2", 1) || setenv("LISTEN_PID", "1", 1)) /* somebody else's */
        return 6;
    return dw_service_begin(&s) == DW_OK && s.kept_count == 0 ? 0 : 7;
}

static void what_was_kept_is_handed_over(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(passed());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct dw_service s;
    assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere/notify", 1), 0);
    assert_int_equal(dw_service_begin(&s), DW_OK);
    assert_int_equal(s.socket, -1);
    dw_service_tell(&s, "READY=1");
    assert_false(dw_service_keep(&s, 0, "x"));
    dw_service_end(&s);
    int theirs, ours = manager(&theirs);
    assert_int_equal(dw_service_begin(&s), DW_OK);
    close(ours); /* the manager is gone: said once, and let alone */
    assert_false(dw_service_keep(&s, 0, "x"));
    assert_true(s.again_ns > 0 && s.said);
    assert_false(dw_service_keep(&s, 0, "x"));
    dw_service_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_and_kept_arrives),
        cmocka_unit_test(a_socket_by_its_path_is_found),
        cmocka_unit_test(what_was_kept_is_handed_over),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
