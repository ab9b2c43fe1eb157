# Owns one cluster: every process is a child of this shell, every file lies below $dir.
# Standard input is the lease. When it ends, however its holder died, everything goes.
#
#   start NAME   run $dir/run/NAME in the background     -> "ok PID"
#   stop NAME    kill it and wait for its end            -> "ok"
#   detach       live on without the holder              -> "ok"; from now on listen on $dir/control
#   quit         end as if the holder had gone           -> nothing: standard output ends
#
# Run with a second argument it only removes what a supervisor left that was itself killed.
unset SUPERVISOR
dir=${1%/}
umask 077
# Where programs are that only root runs.
PATH=$PATH:/usr/sbin:/sbin

# A holder that died mid-request must not take the supervisor with it by SIGPIPE.
trap '' PIPE HUP INT

# A pid may have been given to a foreign process since: only our own child is killed.
# nsenter and unshare only stand for their one child, in another pid namespace. That is killed, and they end after it
# and after all that goes with it.
kill_ours() {
    read -r pid <"$1" || return 0
    grep -q "^PPid:[[:space:]]*$$\$" "/proc/$pid/status" 2>/dev/null || return 0
    inner=
    case $(cat "/proc/$pid/comm" 2>/dev/null) in
    nsenter | unshare) read -r inner _ <"/proc/$pid/task/$pid/children" ;;
    esac 2>/dev/null
    kill -KILL "${inner:-$pid}" 2>/dev/null
}

forget() {
    read -r pid <"$1" && wait "$pid" 2>/dev/null
    rm -f "$1"
}

# The kernel lets go of a control group a moment after its last process; children go before their parents.
remove_control_groups() {
    [ -e "$dir/cgroups" ] || return 0
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        left=
        while read -r group; do
            find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
            [ -d "$group" ] && left=yes
        done <"$dir/cgroups"
        [ -z "$left" ] && break
        sleep 0.1
    done
}

clean_up() {
    for file in "$dir"/run/*.pid; do
        [ -e "$file" ] && kill_ours "$file"
    done
    for file in "$dir"/run/*.pid; do
        [ -e "$file" ] && forget "$file"
    done
    remove_control_groups
    # A client of the dead holder may still be writing its cache: try again for a while.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf "$dir" 2>/dev/null && break
        sleep 0.2
    done
}

if [ -n "$2" ]; then
    clean_up
    exit 0
fi
if ! problem=$(mkdir "$dir" 2>&1 && mkdir "$dir/run" "$dir/logs" "$dir/pki" 2>&1); then
    echo "refused $problem"
    exit 1
fi
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
        if [ -e "$dir/run/$name.pid" ]; then
            kill_ours "$dir/run/$name.pid"
            forget "$dir/run/$name.pid"
        fi
        echo ok
        ;;
    detach)
        mkfifo "$dir/control"
        echo ok
        # Opened for writing too, so that it does not end while there is no writer.
        exec 0<>"$dir/control" >/dev/null
        ;;
    quit)
        break
        ;;
    esac
done
