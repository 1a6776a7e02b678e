/* /tmp: a sparse file with a file system in it, so that it lives on disk and has a size. */
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PRIVATE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* Copies what is there of a sparse file; the holes stay holes. */
static bool copy_sparse(int from, int to, off_t size) {
  if (ftruncate(to, size) < 0) return false;
  char *buffer = malloc(1 << 16);
  if (buffer == NULL) return false;
  off_t at = 0;
  while ((at = lseek(from, at, SEEK_DATA)) >= 0 && at < size) {
    off_t end = lseek(from, at, SEEK_HOLE);
    while (at < end) {
      size_t part = end - at < (1 << 16) ? (size_t)(end - at) : (1 << 16);
      ssize_t n = pread(from, buffer, part, at);
      if (n <= 0 || pwrite(to, buffer, (size_t)n, at) != n) {
        free(buffer);
        return false;
      }
      at += n;
    }
  }
  free(buffer);
  return true;
}

/* An unnamed copy of the template: it is gone when nobody holds it, whatever happens to us. */
static int image_file(const char *folder, unsigned megabytes) {
  char path[MAX_PATH];
  struct stat about;
  snprintf(path, sizeof path, "%s/tmp-%u.ext4", folder, megabytes);
  int from = open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0 || fstat(from, &about) < 0) return -1;
  int image = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (image < 0) {
    snprintf(path, sizeof path, "%s/image-XXXXXX", folder);
    image = mkostemp(path, O_CLOEXEC);
    if (image >= 0) unlink(path);
  }
  bool done = image >= 0 && copy_sparse(from, image, about.st_size);
  close(from);
  if (done) return image;
  if (image >= 0) close(image);
  return -1;
}

static int open_loop(long number) {
  char path[32];
  snprintf(path, sizeof path, "/dev/loop%ld", number);
  int loop = open(path, O_RDWR | O_CLOEXEC);
  /* In a container the kernel's new device may have no node yet. */
  if (loop < 0 && errno == ENOENT && mknod(path, S_IFBLK | 0600, makedev(7, (unsigned)number)) == 0) loop = open(path, O_RDWR | O_CLOEXEC);
  return loop;
}

static int loop_over(int image, long *number) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return -1;
  for (int attempt = 0; attempt < 64; attempt++) {
    *number = ioctl(control, LOOP_CTL_GET_FREE);
    int loop = *number < 0 ? -1 : open_loop(*number);
    if (loop < 0) break;
    struct loop_config config = {.fd = (uint32_t)image, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO}};
    if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
      close(control);
      return loop;
    }
    int reason = errno;
    if (reason == EINVAL) { /* no direct I/O on this file system */
      config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
      if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
        close(control);
        return loop;
      }
      reason = errno;
    }
    close(loop);
    errno = reason;
    if (reason != EBUSY) break; /* EBUSY: another took the device first */
  }
  int reason = errno;
  close(control);
  errno = reason;
  return -1;
}

static int mount_image(unsigned megabytes, const char *folder, char *error, size_t size) {
  long number = -1;
  int image = image_file(folder, megabytes);
  if (image < 0) {
    snprintf(error, size, "the image of /tmp: %s", strerror(errno));
    return -1;
  }
  int loop = loop_over(image, &number);
  close(image);
  if (loop < 0) {
    snprintf(error, size, "a loop device for /tmp: %s", strerror(errno));
    return -1;
  }
  char device[32];
  snprintf(device, sizeof device, "/dev/loop%ld", number);
  const char *const options[] = {"source", device, "discard", NULL, "noinit_itable", NULL, NULL};
  int mount = new_mount("ext4", PRIVATE, options);
  if (mount < 0) snprintf(error, size, "mounting /tmp: %s", strerror(errno));
  close(loop);
  return mount;
}

int make_tmp(const struct base *base, unsigned megabytes, char *error, size_t size) {
  int mount;
  if (base->tmp_folder != NULL) {
    mount = mount_image(megabytes, base->tmp_folder, error, size);
  } else {
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%um", megabytes);
    const char *const options[] = {"size", bytes, "nr_inodes", "131072", "mode", "1777", NULL};
    mount = new_mount("tmpfs", PRIVATE, options);
    if (mount < 0) snprintf(error, size, "a tmpfs for /tmp: %s", strerror(errno));
  }
  if (mount < 0) return -1;
  unlinkat(mount, "lost+found", AT_REMOVEDIR);
  /* Root's and for everybody, as on Lambda. */
  if (fchmodat(mount, ".", 01777, 0) < 0) {
    snprintf(error, size, "opening /tmp to its user: %s", strerror(errno));
    close(mount);
    return -1;
  }
  return mount;
}
