/* Run as a payload: tries to break each limit and prints what held. */
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 64, OVER_MB = 96 };

/* A child that touches more memory than there is must be killed. */
static bool memory_holds(void) {
  pid_t child = fork();
  if (child == 0) {
    size_t size = (size_t)OVER_MB << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool pids_hold(void) {
  pid_t children[FORKS];
  int count = 0;
  bool refused = false;
  while (count < FORKS && !refused) {
    pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    if (child < 0) refused = errno == EAGAIN;
    if (child < 0) break;
    children[count++] = child;
  }
  for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
  while (wait(NULL) > 0) {
  }
  return refused;
}

static bool tmp_holds(unsigned megabytes) {
  int file = open("/tmp/selftest", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  bool writes = file >= 0 && fallocate(file, 0, 0, 1 << 20) == 0;
  bool refused = fallocate(file, 0, 0, ((off_t)megabytes + 64) << 20) < 0 && errno == ENOSPC;
  unlink("/tmp/selftest");
  return writes && refused;
}

static bool calls_are_denied(void) { return unshare(CLONE_NEWUSER) < 0 && errno == EPERM && socket(AF_NETLINK, 3, 12) < 0; }

static bool root_is_read_only(void) {
  return open("/usr/selftest", O_CREAT | O_WRONLY, 0600) < 0 && open("/selftest", O_CREAT | O_WRONLY, 0600) < 0 && getuid() != 0;
}

/* Keeps more memory than allowed until somebody ends it. */
int selftest_hoard(void) {
  alarm(5);
  size_t size = (size_t)OVER_MB << 20;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory != MAP_FAILED) pause();
  return 1;
}

int selftest(unsigned tmp_mb) {
  alarm(5);
  printf("{\"memory\":%d,\"pids\":%d,\"tmpSize\":%d,\"seccomp\":%d,\"rootfs\":%d,\"processes\":%d}\n", memory_holds(), pids_hold(),
         tmp_holds(tmp_mb), calls_are_denied(), root_is_read_only(), getpid() < 10);
  return 0;
}
