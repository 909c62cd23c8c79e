/* Starts the program that it is given, as a child, waits for it, and ends with its status. */
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        execv(arguments[1], arguments + 1);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return count == 2 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
