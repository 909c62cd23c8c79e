# Sorts, packs and unpacks on all CPUs at once; the host computes what is to be shown.
cpus=$(nproc)
work() {
    seq 1 $lines | awk '{ print ($1 * 7919) % 100003 }' > /tmp/numbers.$1
    sorted=$(sort -n /tmp/numbers.$1 | sha256sum)
    packed=$(gzip -c /tmp/numbers.$1 | gunzip -c | sha256sum)
    echo "work: CPU $1 sorted ${sorted%% *} packed ${packed%% *}"
}
cpu=0
while [ $cpu -lt $cpus ]; do
    # a shell's children stay on its CPU
    (taskset -pc $cpu $(cut -d' ' -f4 /proc/self/stat) > /dev/null 2>&1; work $cpu) &
    cpu=$((cpu + 1))
done
wait
echo "work: $cpus CPUs"
