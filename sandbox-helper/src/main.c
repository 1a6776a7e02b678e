/*
 * The monitor: the one process of a sandbox outside of it. It starts process 1, mounts into the
 * sandbox, passes signals on, and reports how the payload ended. When the server goes away, its
 * end of the control socket closes, the monitor ends, and process 1 is killed with it.
 */
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct base base = {.tmp_mb = 512, .resolv_conf = ""};
static struct view view;
static pid_t first_pid;
static int first_socket;

static void read_arguments(char **argv) {
  for (; *argv != NULL; argv++) {
    char *value = strchr(*argv, '=');
    if (value == NULL) send_fatal("argument %s has no value", *argv);
    *value++ = '\0';
    if (strcmp(*argv, "uid") == 0) base.uid = (uid_t)strtoul(value, NULL, 10);
    if (strcmp(*argv, "gid") == 0) base.gid = (gid_t)strtoul(value, NULL, 10);
    if (strcmp(*argv, "tmp") == 0) base.tmp_mb = (unsigned)strtoul(value, NULL, 10);
    if (strcmp(*argv, "images") == 0) base.tmp_folder = value;
    if (strcmp(*argv, "resolv") == 0) base.resolv_conf = value;
    if (strcmp(*argv, "interface") == 0) base.interface = value;
    if (strcmp(*argv, "subnet") == 0) base.subnet = (uint32_t)strtoul(value, NULL, 10);
    if (strcmp(*argv, "rootless") == 0) base.rootless = true;
    if (strcmp(*argv, "corehandler") == 0) base.core_handler = true;
    if (strcmp(*argv, "cgroup") == 0 && base.cgroup_count < MAX_CGROUPS) base.cgroups[base.cgroup_count++] = value;
  }
}

/* A user namespace, in which this user is the sandbox's and may make the other namespaces. */
static void become_rootless(void) {
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) send_fatal("a user namespace: %s", strerror(errno));
  const char *const files[] = {"/proc/self/setgroups", "/proc/self/uid_map", "/proc/self/gid_map"};
  for (int i = 0; i < 3; i++) {
    int length = i == 0 ? snprintf(map, sizeof map, "deny") : snprintf(map, sizeof map, "%u %u 1", i == 1 ? base.uid : base.gid, i == 1 ? uid : gid);
    int file = open(files[i], O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, map, (size_t)length) != length) send_fatal("%s: %s", files[i], strerror(errno));
    close(file);
  }
}

static void start_first(void) {
  int pair[2], barrier[2];
  if (base.rootless) become_rootless();
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || pipe2(barrier, O_CLOEXEC) < 0) send_fatal("a socket pair: %s", strerror(errno));
  struct first first = {.base = &base, .socket = pair[1], .barrier = barrier[0]};
  unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD;
  first_pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
  if (first_pid < 0) send_fatal("new namespaces: %s", strerror(errno));
  if (first_pid == 0) {
    close(pair[0]);
    close(barrier[1]);
    _exit(first_process(&first));
  }
  close(pair[1]);
  close(barrier[0]);
  close(barrier[1]);
  first_socket = pair[0];
}

static void put_tmp(unsigned megabytes, char *error, size_t size) {
  int mount = make_tmp(&base, megabytes, error, size);
  if (mount < 0) return;
  view_place(&view, mount, "/tmp", error, size);
  close(mount);
}

static bool attach_all(const struct frame *frame, int from, char *error, size_t size) {
  const char *source = NULL;
  for (int i = from; i < frame->count; i++) {
    if (strncmp(frame->strings[i], "source=", 7) == 0) source = frame->strings[i] + 7;
    if (strncmp(frame->strings[i], "target=", 7) != 0 || source == NULL) continue;
    if (!view_attach(&view, source, frame->strings[i] + 7, error, size)) return false;
  }
  return true;
}

static void start(const struct frame *frame) {
  char error[512] = "";
  const char *tmp = frame_value(frame, "tmp");
  unsigned megabytes = tmp == NULL ? base.tmp_mb : (unsigned)strtoul(tmp, NULL, 10);
  if (megabytes != base.tmp_mb) put_tmp(megabytes, error, sizeof error);
  if (error[0] == '\0') attach_all(frame, 1, error, sizeof error);
  if (error[0] != '\0') send_fatal("%s", error);
  forward_frame(first_socket, frame);
}

/* Frames: start | attach ID … | tmp ID MB | processes N | signal N | kill */
static void obey(const struct frame *frame) {
  char error[512] = "";
  const char *verb = frame->strings[0];
  if (strcmp(verb, "start") == 0) {
    start(frame);
  } else if (strcmp(verb, "attach") == 0 && frame->count > 1) {
    attach_all(frame, 2, error, sizeof error);
    send_reply(frame->strings[1], error);
  } else if (strcmp(verb, "tmp") == 0 && frame->count > 2) {
    put_tmp((unsigned)strtoul(frame->strings[2], NULL, 10), error, sizeof error);
    send_reply(frame->strings[1], error);
  } else if (strcmp(verb, "processes") == 0 && frame->count > 1) {
    sigqueue(first_pid, SIGRTMIN, (union sigval){.sival_int = atoi(frame->strings[1])});
  } else if (strcmp(verb, "signal") == 0 && frame->count > 1) {
    kill(first_pid, atoi(frame->strings[1]));
  } else if (strcmp(verb, "kill") == 0) {
    kill(first_pid, SIGKILL);
  }
}

/* The sandbox has a process 1 and a root, and waits to be told what to run. */
static void base_ready(void) {
  char error[512] = "", line[64];
  if (!view_open(&view, first_pid, error, sizeof error)) send_fatal("%s", error);
  put_tmp(base.tmp_mb, error, sizeof error);
  if (error[0] == '\0' && base.interface != NULL) veth_host(base.interface, base.subnet, first_pid, error, sizeof error);
  if (error[0] != '\0') send_fatal("%s", error);
  snprintf(line, sizeof line, "{\"base\":%d}\n", first_pid);
  send_line(line);
}

static void finish(int status, bool known) {
  char line[96];
  int ended;
  while (waitpid(first_pid, &ended, 0) < 0 && errno == EINTR) {
  }
  if (!known) status = SIGKILL; /* the whole sandbox was killed, the payload with it */
  if (WIFSIGNALED(status)) {
    snprintf(line, sizeof line, "{\"exit\":-1,\"signal\":%d}\n", WTERMSIG(status));
  } else {
    snprintf(line, sizeof line, "{\"exit\":%d,\"signal\":0}\n", WEXITSTATUS(status));
  }
  send_line(line);
  _exit(0);
}

static void hear_first(void) {
  char byte;
  int status = 0;
  ssize_t n = read(first_socket, &byte, 1);
  if (n < 0 && errno == EINTR) return;
  if (n <= 0) finish(0, false);
  if (byte == 'B') base_ready();
  if (byte == 'R') send_line("{\"ready\":true}\n");
  if (byte == 'E') {
    bool known = read(first_socket, &status, sizeof status) == sizeof status;
    finish(status, known);
  }
}

static void watch(void) {
  struct frame frame = {0};
  struct pollfd wanted[2] = {{.fd = FD_CONTROL, .events = POLLIN}, {.fd = first_socket, .events = POLLIN}};
  for (;;) {
    if (poll(wanted, 2, -1) < 0) continue;
    if (wanted[1].revents != 0) hear_first();
    if (wanted[0].revents == 0) continue;
    int heard = read_frame(FD_CONTROL, &frame);
    if (heard == 1) {
      obey(&frame);
    } else {
      kill(first_pid, SIGKILL);
      finish(0, false);
    }
  }
}

/* `arguments` are `name=value` and end with NULL. */
static void monitor(char **arguments) {
  prctl(PR_SET_NAME, "lambent-monitor", 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  fcntl(FD_IPC, F_SETFD, FD_CLOEXEC);
  fcntl(FD_CONTROL, F_SETFD, FD_CLOEXEC);
  fcntl(FD_CHANNEL, F_SETFD, FD_CLOEXEC);
  read_arguments(arguments);
  /* Without privileges, what is not dumpable is closed to ourselves: its id maps, its namespaces.
     The payload still cannot look: process 1 has capabilities which it has not. */
  if (base.rootless) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  start_first();
  close(FD_CHANNEL);
  watch();
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "selftest") == 0) return selftest((unsigned)strtoul(argv[2], NULL, 10));
  if (argc == 3 && strcmp(argv[1], "selftest-hoard") == 0) return selftest_hoard();
  if (argc == 2 && strcmp(argv[1], "serve") == 0) return spawn_monitors(monitor);
  fprintf(stderr, "usage: lambent-sandbox serve (started by lambent, not by hand)\n");
  return 64;
}
