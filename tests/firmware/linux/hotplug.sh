# CPUs go off and come back, in turn and all at once, while those that are on work.
cd /sys/devices/system/cpu || exit 1
last=$(($(nproc) - 1))
for cpu in $(seq 0 $last); do
    (while [ ! -e /tmp/plugged ]; do echo $cpu | sha256sum > /dev/null; done) &
done
for round in $(seq $rounds); do
    for cpu in $(seq $last); do
        echo 0 > cpu$cpu/online || echo "hotplug: CPU $cpu stays on"
        grep -q 0 cpu$cpu/online || echo "hotplug: CPU $cpu is on"
        echo 1 > cpu$cpu/online || echo "hotplug: CPU $cpu stays off"
    done
    for cpu in $(seq $last); do echo 0 > cpu$cpu/online; done
    echo "hotplug: $(cat online) alone"
    for cpu in $(seq $last); do echo 1 > cpu$cpu/online; done
    for cpu in $(seq $last); do
        taskset -c $cpu true || echo "hotplug: CPU $cpu runs nothing"
    done
done
: > /tmp/plugged
wait
echo "hotplug: $rounds rounds, $(cat online) on"
