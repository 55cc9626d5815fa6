/*
 * api_listen: where the API listens, and who is at the other end.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, LOCAL_MODE = 0660, GROUP_BYTES_MAX = 16 << 20 };

bool api_address_parse(struct dw_str listen, struct api_address *ret)
{
    uint8_t bytes[16];
    struct dw_str name;
    uint64_t port;
    size_t colon = listen.len;
    while (colon && listen.ptr[colon - 1] != ':')
        colon--;
    if (!colon || !dw_str_u64(dw_str_slice(listen, colon, listen.len), &port) || port > 65535 || !api_host_name(listen, &name))
        return false;
    if (dw_str_ieq(name, DW_STR("localhost")))
        name = DW_STR("127.0.0.1");
    if (name.len >= sizeof ret->text)
        return false;
    *ret = (struct api_address){.port = (uint16_t)port};
    memcpy(ret->text, name.ptr, name.len);
    if (inet_pton(AF_INET, ret->text, bytes) == 1) {
        ret->loopback = bytes[0] == 127;
        return true;
    }
    ret->v6 = inet_pton(AF_INET6, ret->text, bytes) == 1;
    ret->loopback = ret->v6 && IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)bytes);
    return ret->v6;
}

/* On failure the socket is closed. */
static int listen_on(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (bind(fd, addr, len) == 0 && listen(fd, BACKLOG) == 0)
        return DW_OK;
    int rc = errno == EADDRINUSE ? DW_EEXIST : dw_err_from_errno(errno);
    (void)close(fd);
    return rc;
}

/* The port that a listening socket got. */
static uint16_t port_of(int fd)
{
    struct sockaddr_storage got = {0};
    socklen_t len = sizeof got;
    if (getsockname(fd, (struct sockaddr *)&got, &len) < 0)
        return 0;
    return ntohs(got.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&got)->sin6_port : ((const struct sockaddr_in *)&got)->sin_port);
}

int api_listen_tcp(struct api_address *at, int *ret_fd)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    int on = 1;
    int fd = socket(at->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dw_err_from_errno(errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->v6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    (void)inet_pton(at->v6 ? AF_INET6 : AF_INET, at->text, at->v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
    *ret_fd = fd;
    int rc = at->v6 ? listen_on(fd, (const struct sockaddr *)&v6, sizeof v6) : listen_on(fd, (const struct sockaddr *)&v4, sizeof v4);
    if (rc == DW_OK && at->port == 0)
        at->port = port_of(fd);
    return rc;
}

int api_listen_local(const char *path, int *ret_fd)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof un.sun_path)
        return DW_ELIMIT;
    memcpy(un.sun_path, path, len + 1);
    int rc = dw_fs_unlink(&dw_fs_system, path); /* of a collector that was killed: this one holds the lock on DATA */
    if (rc < 0 && rc != DW_ENOENT)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dw_err_from_errno(errno);
    (void)fchmod(fd, LOCAL_MODE); /* before others can see it, less what the umask takes */
    rc = listen_on(fd, (const struct sockaddr *)&un, sizeof un);
    if (rc == DW_OK && chmod(path, LOCAL_MODE) != 0) {
        rc = dw_err_from_errno(errno);
        (void)close(fd);
    }
    *ret_fd = fd;
    return rc;
}

bool api_is_of_group(const char *path, const char *group)
{
    struct dw_buf room = {0};
    struct group named, *found = NULL;
    struct stat st;
    int err = ERANGE;
    for (size_t size = 4096; err == ERANGE && size <= GROUP_BYTES_MAX; size *= 2) { /* it holds the names of all members */
        char *at = dw_buf_reserve(&room, size);
        err = at ? getgrnam_r(group, &named, at, size, &found) : ENOMEM;
    }
    bool is = err == 0 && found && stat(path, &st) == 0 && st.st_gid == named.gr_gid;
    dw_buf_fini(&room);
    return is;
}

void api_user_name(uint32_t uid, char ret[DW_TOKEN_NAME_CAP])
{
    char room[4096];
    struct passwd named, *found = NULL;
    bool known = getpwuid_r((uid_t)uid, &named, room, sizeof room, &found) == 0 && found && strlen(named.pw_name) < DW_TOKEN_NAME_CAP;
    if (known)
        (void)snprintf(ret, DW_TOKEN_NAME_CAP, "%s", named.pw_name);
    else
        (void)snprintf(ret, DW_TOKEN_NAME_CAP, "uid %" PRIu32, uid);
}

bool api_peer_uid(int fd, uint32_t *ret_uid)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return false;
    *ret_uid = (uint32_t)cred.uid;
    return true;
}

void api_peer_text(const struct sockaddr *addr, char ret[API_FROM_CAP])
{
    const void *at = NULL;
    if (addr && addr->sa_family == AF_INET)
        at = &((const struct sockaddr_in *)(const void *)addr)->sin_addr;
    else if (addr && addr->sa_family == AF_INET6)
        at = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
    if (!at || !inet_ntop(addr->sa_family, at, ret, API_FROM_CAP))
        (void)snprintf(ret, API_FROM_CAP, "unknown");
}
