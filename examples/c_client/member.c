/* member CONNECT: joins a group as an ephemeral znode and prints the members, by ZooKeeper's C client (libzookeeper-mt). */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static void on_session(zhandle_t *zh, int type, int state, const char *path, void *ctx) {
  (void)zh, (void)path;
  if (type == ZOO_SESSION_EVENT) *(volatile int *)ctx = state;
}

int main(int argc, char **argv) {
  const char *connect = argc > 1 ? argv[1] : "127.0.0.1:2181";
  volatile int state = 0;
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  zhandle_t *zh = zookeeper_init(connect, on_session, 10000, NULL, (void *)&state, 0);
  if (!zh) return perror("zookeeper_init"), 1;
  time_t give_up = time(NULL) + 20;
  while (state != ZOO_CONNECTED_STATE) {
    if (time(NULL) > give_up) return fprintf(stderr, "no server of %s answers\n", connect), 1;
    usleep(1000);
  }

  int rc = zoo_create(zh, "/members", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  if (rc != ZOK && rc != ZNODEEXISTS) return fprintf(stderr, "create /members: %s\n", zerror(rc)), 1;
  char me[256];
  rc = zoo_create(zh, "/members/m-", "here", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL | ZOO_SEQUENCE, me, sizeof me);
  if (rc != ZOK) return fprintf(stderr, "create member: %s\n", zerror(rc)), 1;
  printf("joined as %s\n", me);

  struct String_vector names;
  rc = zoo_get_children(zh, "/members", 0, &names);
  if (rc != ZOK) return fprintf(stderr, "list members: %s\n", zerror(rc)), 1;
  for (int i = 0; i < names.count; ++i) printf("member: %s\n", names.data[i]);
  deallocate_String_vector(&names);
  return zookeeper_close(zh) == ZOK ? 0 : 1;
}
