/*
 * The spawner: one per server, forks a monitor for each sandbox. Were the server to fork them, the kernel
 * would copy its page tables each time, and the server would stand still for several milliseconds.
 *
 * Frames: run ID name=value …. The server's ends of the new monitor's control socket and of the payload's
 * channel go to it over IPC, where the monitor speaks, too. When a monitor has ended the server hears that it
 * is gone, after all that it has said itself. The spawner ends when its control socket closes.
 */
#include "sandbox.h"
#include <fcntl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The monitors that run, in no order. */
static struct monitor {
  pid_t pid;
  unsigned long sandbox;
} *monitors;
static size_t monitor_count, monitor_room;

static void remember(pid_t pid, unsigned long sandbox) {
  if (monitor_count == monitor_room) {
    monitor_room = monitor_room * 2 + 64;
    monitors = realloc(monitors, monitor_room * sizeof *monitors);
    if (monitors == NULL) send_fatal("no memory for another monitor");
  }
  monitors[monitor_count++] = (struct monitor){pid, sandbox};
}

static void reap(int signals) {
  struct signalfd_siginfo seen;
  if (read(signals, &seen, sizeof seen) < 0) return;
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) {
    for (size_t i = 0; i < monitor_count; i++) {
      if (monitors[i].pid != pid) continue;
      speak_of(monitors[i].sandbox);
      send_line("{\"gone\":true}\n");
      monitors[i] = monitors[--monitor_count];
      break;
    }
  }
}

static void hand_over(int fd, const char *kind) {
  send_handle(fd, kind);
  close(fd);
}

static void run(struct frame *frame, void (*monitor)(char **arguments)) {
  int control[2], channel[2];
  unsigned long sandbox = strtoul(frame->strings[1], NULL, 10);
  speak_of(sandbox);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
    send_fatal("a socket pair: %s", strerror(errno));
  pid_t pid = fork();
  if (pid < 0) send_fatal("starting a monitor: %s", strerror(errno));
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(control[0]);
    close(channel[0]);
    dup2(control[1], FD_CONTROL);
    dup2(channel[1], FD_CHANNEL);
    close(control[1]);
    close(channel[1]);
    frame->strings[frame->count] = NULL;
    monitor((char **)frame->strings + 2);
    _exit(0);
  }
  close(control[1]);
  close(channel[1]);
  remember(pid, sandbox);
  hand_over(control[0], "control");
  hand_over(channel[0], "channel");
}

int spawn_monitors(void (*monitor)(char **arguments)) {
  static struct frame frame;
  char receipts[4096];
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  int signals = signalfd(-1, &child, SFD_CLOEXEC);
  struct pollfd wanted[] = {{.fd = FD_CONTROL, .events = POLLIN}, {.fd = FD_IPC, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  prctl(PR_SET_NAME, "lambent-spawner", 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (signals < 0) return 1;
  for (;;) {
    if (poll(wanted, 3, -1) < 0) continue;
    if (wanted[2].revents != 0) reap(signals);
    /* Node acknowledges each handle; nobody waits for that. */
    if (wanted[1].revents != 0 && read(FD_IPC, receipts, sizeof receipts) <= 0) return 0;
    if (wanted[0].revents == 0) continue;
    if (read_frame(FD_CONTROL, &frame) != 1 || frame.count < 2 || frame.count == MAX_STRINGS) return 0;
    run(&frame, monitor);
  }
}
