/* The sandbox's own network: loopback, listeners handed to the server, a way out. */
#include "sandbox.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool loopback_up(void) {
  int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo"};
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  bool done = socket_fd >= 0 && ioctl(socket_fd, SIOCSIFFLAGS, &request) == 0;
  close(socket_fd);
  return done;
}

/* Close-on-exec and non-blocking: the server takes it over as it is. */
static int bound(int type, unsigned port) {
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int made = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return -1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(made, (struct sockaddr *)&address, sizeof address) < 0 || (type == SOCK_STREAM && listen(made, 128) < 0)) {
    int reason = errno;
    close(made);
    errno = reason;
    return -1;
  }
  return made;
}

int listen_on(unsigned port) { return bound(SOCK_STREAM, port); }

int datagrams_on(unsigned port) { return bound(SOCK_DGRAM, port); }
