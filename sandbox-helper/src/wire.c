/* The two ways to the server: frames from it, JSON lines and file descriptors to it. */
#include "sandbox.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX = 1 << 20 };

static bool read_all(int fd, void *to, size_t size) {
  char *at = to;
  while (size > 0) {
    ssize_t n = read(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    size -= (size_t)n;
  }
  return true;
}

static void write_all(int fd, const void *from, size_t size) {
  const char *at = from;
  while (size > 0) {
    ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* the reader is gone; its end of file is noticed where we read */
    at += n;
    size -= (size_t)n;
  }
}

int read_frame(int fd, struct frame *frame) {
  uint32_t size = 0;
  if (!read_all(fd, &size, sizeof size)) return 0;
  if (size == 0 || size > FRAME_MAX) return -1;
  free(frame->bytes);
  frame->bytes = malloc(size);
  frame->size = size;
  frame->count = 0;
  if (frame->bytes == NULL || !read_all(fd, frame->bytes, size)) return 0;
  if (frame->bytes[size - 1] != '\0') return -1;
  for (char *at = frame->bytes; at < frame->bytes + size; at += strlen(at) + 1) {
    if (frame->count == MAX_STRINGS) return -1;
    frame->strings[frame->count++] = at;
  }
  return 1;
}

void forward_frame(int fd, const struct frame *frame) {
  uint32_t size = (uint32_t)frame->size;
  write_all(fd, &size, sizeof size);
  write_all(fd, frame->bytes, frame->size);
}

const char *frame_value(const struct frame *frame, const char *key) {
  size_t length = strlen(key);
  for (int i = 0; i < frame->count; i++) {
    const char *text = frame->strings[i];
    if (strncmp(text, key, length) == 0 && text[length] == '=') return text + length + 1;
  }
  return NULL;
}

/* Which sandbox the messages of this process are about. */
static unsigned long about;

void speak_of(unsigned long sandbox) { about = sandbox; }

/* `line` is a JSON object. One write: lines of several processes share the socket and do not mix. */
void send_line(const char *line) {
  char whole[1400];
  int length = snprintf(whole, sizeof whole, "{\"id\":%lu,%s", about, line + 1);
  write_all(FD_IPC, whole, (size_t)length);
}

/* Node's own messages for handing a handle to another process. */
void send_handle(int fd, const char *kind) {
  char line[160];
  int length = snprintf(line, sizeof line, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"id\":%lu,\"handle\":\"%s\"}}\n", about, kind);
  struct iovec part = {.iov_base = line, .iov_len = (size_t)length};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  while (sendmsg(FD_IPC, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

static void append_quoted(char *to, size_t size, const char *text) {
  size_t at = 0;
  for (; *text != '\0' && at + 7 < size; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      to[at++] = '\\';
      to[at++] = (char)c;
    } else if (c < 0x20) {
      at += (size_t)snprintf(to + at, size - at, "\\u%04x", c);
    } else {
      to[at++] = (char)c;
    }
  }
  to[at] = '\0';
}

void send_reply(const char *id, const char *error) {
  char quoted[1024], line[1200];
  append_quoted(quoted, sizeof quoted, error == NULL ? "" : error);
  snprintf(line, sizeof line, "{\"reply\":%d,\"error\":\"%s\"}\n", atoi(id), quoted);
  send_line(line);
}

void send_fatal(const char *format, ...) {
  char text[900], quoted[1024], line[1200];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  append_quoted(quoted, sizeof quoted, text);
  snprintf(line, sizeof line, "{\"fatal\":\"%s\"}\n", quoted);
  send_line(line);
  _exit(125);
}
