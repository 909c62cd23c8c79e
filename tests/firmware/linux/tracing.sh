# Function tracing on and off while all CPUs work: tens of thousands of places are patched each time.
mount -t tracefs trace /sys/kernel/tracing || exit 1
cd /sys/kernel/tracing || exit 1
for cpu in $(seq 0 $(($(nproc) - 1))); do
    (while [ ! -e /tmp/traced ]; do echo $cpu | sha256sum > /dev/null; done) &
done
for round in $(seq $rounds); do
    echo function > current_tracer || exit 1
    echo "tracing: on with $(wc -l < enabled_functions) functions"
    ls /proc > /dev/null
    echo nop > current_tracer || exit 1
    echo "tracing: off with $(wc -l < enabled_functions) functions"
done
# one function alone: a place is patched by itself
echo vfs_read > set_ftrace_filter && echo function > current_tracer || exit 1
cat /proc/version > /dev/null
grep -c -m 1 'vfs_read <-' trace > /tmp/found
echo nop > current_tracer && echo > set_ftrace_filter
: > /tmp/traced
wait
echo "tracing: found $(cat /tmp/found)"
