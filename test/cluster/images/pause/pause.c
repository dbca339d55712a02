// Holds a pod's namespaces; as first process of a shared process namespace it reaps orphans.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int signal) {
  if (signal != SIGCHLD) _exit(0);
  while (waitpid(-1, 0, WNOHANG) > 0);
}

int main(void) {
  signal(SIGCHLD, on_signal);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  for (;;) pause();
}
