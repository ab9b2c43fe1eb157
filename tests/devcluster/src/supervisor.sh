# Owns one cluster: every process is a child of this shell, every file lies below $dir.
# Standard input is the lease. When it ends, however its holder died, everything goes.
#
#   start NAME   run $dir/run/NAME in the background     -> "ok PID"
#   stop NAME    kill it and wait for its end            -> "ok"
#   detach       live on without the holder              -> "ok"; from now on listen on $dir/control
#   quit         end as if the holder had gone           -> nothing: standard output ends
unset SUPERVISOR
dir=${1%/}
umask 077

# A holder that died mid-request must not take the supervisor with it by SIGPIPE.
trap '' PIPE HUP INT

if ! problem=$(mkdir "$dir" 2>&1 && mkdir "$dir/run" "$dir/logs" "$dir/pki" 2>&1); then
    echo "refused $problem"
    exit 1
fi

# A pid may have been given to a stranger since: only our own child is ours.
kill_ours() {
    read -r pid <"$1" || return 0
    if grep -q "^PPid:[[:space:]]*$$\$" "/proc/$pid/status" 2>/dev/null; then
        kill -KILL "$pid" 2>/dev/null
    fi
    wait "$pid" 2>/dev/null
    rm -f "$1"
}

clean_up() {
    for file in "$dir"/run/*.pid; do
        [ -e "$file" ] && kill_ours "$file"
    done
    # A client of the dead holder may still be writing its cache: try again for a while.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf "$dir" 2>/dev/null && break
        sleep 0.2
    done
}
trap clean_up EXIT
trap 'exit 0' TERM

echo ok
while read -r verb name; do
    case $verb in
    start)
        sh "$dir/run/$name" </dev/null >>"$dir/logs/$name.log" 2>&1 &
        echo $! >"$dir/run/$name.pid"
        echo "ok $!"
        ;;
    stop)
        [ -e "$dir/run/$name.pid" ] && kill_ours "$dir/run/$name.pid"
        echo ok
        ;;
    detach)
        mkfifo "$dir/control"
        echo ok
        # Opened for writing too, so that it never ends while nobody writes.
        exec 0<>"$dir/control" >/dev/null
        ;;
    quit)
        break
        ;;
    esac
done
