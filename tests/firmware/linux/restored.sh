# Busy processes, timers and a disk: what each has done is checked at its end.
busy() {
    i=0; s=0
    while [ $i -lt $rounds ]; do i=$((i + 1)); s=$((s + i)); done
    echo "busy: $1 $s"
}
timers() {
    for n in $(seq 20); do usleep 20000; done
    echo "timers: 20"
}
disk() {
    for block in $(seq 40); do
        echo $block | sha256sum > /tmp/block
        dd if=/tmp/block of=/dev/vda bs=4096 seek=$block conv=notrunc,sync,fsync 2> /dev/null
        echo 3 > /proc/sys/vm/drop_caches
    done
    for block in $(seq 40); do
        echo $block | sha256sum > /tmp/wanted
        dd if=/dev/vda bs=4096 skip=$block count=1 2> /dev/null | head -n 1 | cmp -s - /tmp/wanted ||
            echo "disk: block $block is another"
    done
    echo "disk: 40 blocks"
}
modprobe virtio_blk
echo "begun: $(nproc)"
for worker in 1 2 3; do busy $worker & done
timers &
disk &
wait
echo "ended"
dmesg
