/* Process 1 of a sandbox: builds it, starts the payload, reaps orphans, tells how the payload ended. */
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <grp.h>

/* In the payload before exec: where errno goes, because the server's socket is closed there. */
static int failure_pipe = -1;

static void give_up(int reason) {
  if (write(failure_pipe, &reason, sizeof reason) < 0) _exit(126);
  _exit(127);
}

static void must(bool done, const char *what) {
  if (done) return;
  if (failure_pipe >= 0) give_up(errno);
  send_fatal("%s: %s", what, strerror(errno));
}

static void join_cgroups(const struct base *base) {
  for (int i = 0; i < base->cgroup_count; i++) {
    int procs = open(base->cgroups[i], O_WRONLY | O_CLOEXEC);
    must(procs >= 0 && write(procs, "0", 1) == 1, base->cgroups[i]);
    close(procs);
  }
}

static void limit(int resource, rlim_t value) {
  struct rlimit wanted = {value, value};
  setrlimit(resource, &wanted);
}

/* As `ulimit -a` shows them on Lambda; core files as large as there are land in /tmp and its size at most. */
#define CORE_MAX 10737418240
#define LOCKED_MAX 65536
#define STACK_MAX 8388608

static void usual_limits(const struct base *base) {
  struct rlimit stack = {STACK_MAX, RLIM_INFINITY};
  /* 1: the kernel does not start the host's crash handler, which would run as root outside of here. */
  limit(RLIMIT_CORE, base->core_handler ? 1 : CORE_MAX);
  limit(RLIMIT_MEMLOCK, LOCKED_MAX);
  limit(RLIMIT_MSGQUEUE, 0);
  setrlimit(RLIMIT_STACK, &stack);
}

/*
 * An event that wakes a function must not take the CPU from the server that still hands out others: it
 * gets its share all the same, and a server that hands out thousands a second does so with a fifth less.
 */
static void preempt_nobody(void) {
  struct sched_param none = {0};
  sched_setscheduler(0, SCHED_BATCH, &none);
}

/* As the payload's own user: root without all of its capabilities may not change another user's limits. */
static void lower_processes(const struct base *base, pid_t payload, int processes) {
  pid_t child = fork();
  if (child != 0) return;
  struct rlimit wanted = {(rlim_t)processes, (rlim_t)processes};
  bool own = base->rootless || (setresgid(base->gid, base->gid, base->gid) == 0 && setresuid(base->uid, base->uid, base->uid) == 0);
  _exit(own && prlimit(payload, RLIMIT_NPROC, &wanted, NULL) == 0 ? 0 : 1);
}

static void drop_privileges(const struct base *base) {
  for (int capability = 0; capability < 64; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (!base->rootless) must(setgroups(0, NULL) == 0, "leaving all groups");
  must(setresgid(base->gid, base->gid, base->gid) == 0, "changing the group");
  must(setresuid(base->uid, base->uid, base->uid) == 0, "changing the user");
  /* In a user namespace the user is the same as before: capabilities do not go by themselves. */
  struct {
    uint32_t version;
    int pid;
  } header = {0x20080522, 0};
  uint32_t none[6] = {0};
  must(syscall(SYS_capset, &header, none) == 0, "dropping capabilities");
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
}

/* How a payload that cannot be executed says so: errno through a pipe that exec closes. */
static void become_payload(const struct base *base, const struct frame *spec, int out, int err, int failure) {
  const char *argv[MAX_STRINGS], *env[MAX_STRINGS];
  int argc = 0, envc = 0;
  for (int i = 1; i < spec->count; i++) {
    if (strncmp(spec->strings[i], "argv=", 5) == 0) argv[argc++] = spec->strings[i] + 5;
    if (strncmp(spec->strings[i], "env=", 4) == 0) env[envc++] = spec->strings[i] + 4;
  }
  argv[argc] = NULL;
  env[envc] = NULL;
  setsid();
  int null = open("/dev/null", O_RDONLY);
  must(null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2, "standard streams");
  /* From here on the IPC socket is not ours: a message must not reach the server from inside. */
  bool channel = frame_value(spec, "channel") != NULL;
  failure_pipe = fcntl(failure, F_DUPFD_CLOEXEC, 200);
  int kept = channel ? fcntl(FD_CHANNEL, F_DUPFD_CLOEXEC, 201) : -1;
  if (channel) dup2(kept, 3);
  syscall(SYS_close_range, channel ? 4 : 3, failure_pipe - 1, 0);
  syscall(SYS_close_range, failure_pipe + 1, ~0U, 0);
  int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (oom >= 0) {
    if (write(oom, "500", 3) < 0) { /* then the kernel weighs by size alone */
    }
    close(oom);
  }
  const char *files = frame_value(spec, "nofile");
  limit(RLIMIT_NOFILE, files == NULL ? 1024 : (rlim_t)strtoul(files, NULL, 10));
  const char *processes = frame_value(spec, "nproc");
  if (processes != NULL) limit(RLIMIT_NPROC, (rlim_t)strtoul(processes, NULL, 10));
  usual_limits(base);
  preempt_nobody();
  const char *cwd = frame_value(spec, "cwd");
  umask(022);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
  drop_privileges(base);
  must(chdir(cwd == NULL ? "/" : cwd) == 0, "changing to the working folder");
  must(deny_syscalls(), "the system call filter");
  execve(argv[0], (char *const *)argv, (char *const *)env);
  give_up(errno);
}

static void make_pipe(const struct base *base, int ends[2]) {
  must(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  /* Programs reopen /dev/stdout by name: the pipe must be theirs. */
  must(fchown(ends[1], base->uid, base->gid) == 0, "giving a pipe to its user");
}

static void hand_over_listener(const char *port, const char *kind) {
  if (port == NULL) return;
  int listener = listen_on((unsigned)strtoul(port, NULL, 10));
  must(listener >= 0, kind);
  send_handle(listener, kind);
  close(listener);
}

static pid_t start_payload(const struct base *base, const struct frame *spec) {
  int out[2], err[2], failure[2];
  make_pipe(base, out);
  make_pipe(base, err);
  must(pipe2(failure, O_CLOEXEC) == 0, "a pipe");
  send_handle(out[0], "stdout");
  send_handle(err[0], "stderr");
  hand_over_listener("9001", "runtimeApi");
  if (frame_value(spec, "dns") != NULL) {
    hand_over_listener("53", "dnsTcp");
    int datagrams = datagrams_on(53);
    must(datagrams >= 0, "the port for names");
    send_handle(datagrams, "dnsUdp");
    close(datagrams);
  }
  hand_over_listener(frame_value(spec, "port"), "endpoint");
  pid_t payload = fork();
  must(payload >= 0, "starting the first process");
  if (payload == 0) become_payload(base, spec, out[1], err[1], failure[1]);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* where both are one user: not for the payload to look into */
  close(out[0]);
  close(out[1]);
  close(err[0]);
  close(err[1]);
  close(failure[1]);
  int reason = 0;
  if (read(failure[0], &reason, sizeof reason) == sizeof reason) {
    const char *program = frame_value(spec, "argv");
    send_fatal("starting %s: %s", program == NULL ? "nothing" : program, strerror(reason));
  }
  close(failure[0]);
  return payload;
}

int first_process(void *argument) {
  const struct first *first = argument;
  const struct base *base = first->base;
  char byte;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl(PR_SET_NAME, "lambent-init", 0, 0, 0);
  close(FD_CONTROL);
  /* Zero bytes: the monitor has closed its end, the id maps are written. */
  if (read(first->barrier, &byte, 1) != 0) _exit(1);
  close(first->barrier);
  join_cgroups(base);
  unshare(CLONE_NEWCGROUP);
  must(sethostname("sandbox", 7) == 0, "the host name");
  must(loopback_up(), "the loopback interface");
  build_root(base);
  if (write(first->socket, "B", 1) != 1) _exit(1);

  struct frame spec = {0};
  if (read_frame(first->socket, &spec) != 1) _exit(1);
  /* Without a way out the interface stays down. */
  if (frame_value(&spec, "egress") != NULL) must(veth_inside(base->subnet), "the way out");
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  pid_t payload = start_payload(base, &spec);
  if (write(first->socket, "R", 1) != 1) _exit(1);
  /* The server closes its ends when it is done; ours would keep the payload from seeing that. */
  close(FD_CHANNEL);
  close(FD_IPC);

  for (;;) {
    siginfo_t about;
    int number = sigwaitinfo(&all, &about);
    if (number == SIGTERM || number == SIGINT) kill(payload, number);
    /* Freezing where there is no freezer: everything here but this process, at one stroke. */
    if (number == SIGUSR1) kill(-1, SIGSTOP);
    if (number == SIGUSR2) kill(-1, SIGCONT);
    if (number == SIGRTMIN) lower_processes(base, payload, about.si_value.sival_int);
    if (number != SIGCHLD) continue;
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != payload) continue;
      char report[5] = {'E'};
      memcpy(report + 1, &status, sizeof status);
      if (write(first->socket, report, sizeof report) < 0) _exit(1);
      _exit(0); /* the kernel ends whatever else runs here */
    }
  }
}
