/* lambent-sandbox: builds one Linux sandbox and runs one program in it. See README.md. */
#ifndef LAMBENT_SANDBOX_H
#define LAMBENT_SANDBOX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Node's IPC, which all processes of the helper share; what to do; the payload's channel. */
enum { FD_IPC = 3, FD_CONTROL = 4, FD_CHANNEL = 5 };

enum { MAX_STRINGS = 4096, MAX_CGROUPS = 16, MAX_PATH = 4096 };

/* What is known when the helper is spawned, before anybody asks for a sandbox. */
struct base {
  uid_t uid;
  gid_t gid;
  const char *cgroups[MAX_CGROUPS]; /* cgroup.procs files to join */
  int cgroup_count;
  const char *tmp_folder; /* where disk images live; NULL: /tmp is a tmpfs */
  unsigned tmp_mb;
  const char *resolv_conf; /* content of /etc/resolv.conf */
  const char *interface; /* the host's end of the way out; NULL: there is none */
  uint32_t subnet;       /* its first address */
  bool rootless;
  bool core_handler; /* the host hands core dumps to a program of its own */
};

/* A frame of the control socket: NUL-terminated strings. */
struct frame {
  char *bytes;
  size_t size;
  const char *strings[MAX_STRINGS];
  int count;
};

/* wire.c */
int read_frame(int fd, struct frame *frame); /* 1 read, 0 end of file, -1 malformed */
void forward_frame(int fd, const struct frame *frame);
const char *frame_value(const struct frame *frame, const char *key);
void speak_of(unsigned long sandbox);
void send_line(const char *line);
void send_handle(int fd, const char *kind);
void send_reply(const char *id, const char *error);
void send_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* spawner.c */
int spawn_monitors(void (*monitor)(char **arguments));

/* root.c: run by the first process, in its own namespaces */
void build_root(const struct base *base);

/* mounts.c: run by the monitor */
struct view {
  int own_ns;     /* the monitor's mount namespace */
  int sandbox_ns; /* the sandbox's */
  int root;       /* a writable, detached clone of the sandbox's root: targets are made through it */
};
bool view_open(struct view *view, pid_t pid, char *error, size_t size);
bool view_attach(struct view *view, const char *source, const char *target, char *error, size_t size);
bool view_place(struct view *view, int mount, const char *target, char *error, size_t size);

/* tmpimage.c */
int make_tmp(const struct base *base, unsigned megabytes, char *error, size_t size);

/* net.c */
bool loopback_up(void);
int listen_on(unsigned port);
int datagrams_on(unsigned port);

/* veth.c */
bool veth_host(const char *name, uint32_t first, pid_t pid, char *error, size_t size);
bool veth_inside(uint32_t first);

/* first.c */
int first_process(void *argument);
struct first {
  const struct base *base;
  int socket;  /* to the monitor */
  int barrier; /* closed by the monitor once it has written the id maps */
};

/* seccomp.c */
bool deny_syscalls(void);

/* selftest.c */
int selftest(unsigned tmp_mb);
int selftest_hoard(void);

/* new system calls, which older C libraries do not wrap */
int sys_open_tree(int folder, const char *path, unsigned flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
int sys_fsopen(const char *type);
int sys_fsconfig(int fs, unsigned command, const char *key, const char *value);
int sys_fsmount(int fs, unsigned attributes);
bool sys_restrict(int mount, uint64_t set, uint64_t clear, bool recursive);
int new_mount(const char *type, unsigned attributes, const char *const *options);

#endif
