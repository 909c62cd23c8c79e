# Processes that start and end, pipes, signals, files, memory and the clock, twice as many as CPUs.
one() {
    for round in $(seq $rounds); do
        seq 200 | cat | tr 0-9 a-j | sort | uniq | wc -l > /tmp/pipe.$1
        [ "$(cat /tmp/pipe.$1)" = 200 ] || echo "load: $1 lost lines"
        dd if=/dev/zero of=/tmp/zeros.$1 bs=64k count=16 2> /dev/null
        [ "$(tr -d '\0' < /tmp/zeros.$1 | wc -c)" = 0 ] || echo "load: $1 has other zeros"
        sleep 100 & kill $! && wait $! 2> /dev/null
        usleep 1000
        (exit 7)
        [ $? = 7 ] || echo "load: $1 has another status"
    done
}
for worker in $(seq $((2 * $(nproc)))); do one $worker & done
wait
echo "load: $rounds rounds of $((2 * $(nproc)))"
