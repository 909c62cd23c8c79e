# Modules that need others are loaded and removed while all CPUs work.
for cpu in $(seq 0 $(($(nproc) - 1))); do
    (while [ ! -e /tmp/removed ]; do echo $cpu | sha256sum > /dev/null; done) &
done
for round in $(seq $rounds); do
    for module in ext4 9p virtio_net; do
        modprobe $module && grep -q "^$module " /proc/modules || echo "modules: $module is not there"
    done
    echo "modules: $(wc -l < /proc/modules) loaded"
    modprobe -r ext4; modprobe -r 9p; modprobe -r virtio_net
    for module in ext4 9p virtio_net; do
        grep -q "^$module " /proc/modules && echo "modules: $module is still there"
    done
done
: > /tmp/removed
wait
echo "modules: $rounds rounds"
