#!/usr/bin/env bash
# A container engine for machines without one and without a service manager: root on Debian.
#
#     engine.sh start     install what is missing and start an engine, unless one answers already
#     engine.sh status    0 if an engine answers
#     engine.sh stop      end what start started, and nothing else
#
# Its data stay in /var/lib/poolsim-docker: a later start finds the images again. POOLSIM_ENGINE_DATA
# and POOLSIM_ENGINE_RUN move its data and its state; it listens at DOCKER_HOST where that is set.
set -euo pipefail

data=${POOLSIM_ENGINE_DATA:-/var/lib/poolsim-docker}
run=${POOLSIM_ENGINE_RUN:-/run/poolsim-docker}
log=$data/engine.log

say() { echo "engine: $*" >&2; }
fail() {
    say "$*"
    exit 6
}

answers() { docker info >/dev/null 2>&1; }

# The engine that start started, if it runs; an id alone may be another program's by now.
own() {
    local id
    id=$(cat "$run/id" 2>/dev/null) && tr '\0' ' ' <"/proc/$id/cmdline" 2>/dev/null |
        grep -qF -- "--data-root $data " && echo "$id"
}

install_missing() {
    local packages=()
    command -v dockerd >/dev/null || packages+=(docker.io)
    command -v debootstrap >/dev/null || packages+=(debootstrap)
    command -v mvn >/dev/null || packages+=(maven)
    command -v javac >/dev/null || packages+=(default-jdk-headless)
    command -v iptables >/dev/null || packages+=(iptables)
    # Since Debian 13 the client is a package of its own.
    if ! command -v docker >/dev/null && apt-cache show docker-cli >/dev/null 2>&1; then
        packages+=(docker-cli)
    fi
    if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
        command -v apparmor_parser >/dev/null || packages+=(apparmor)
    fi
    if [ ${#packages[@]} = 0 ]; then return; fi
    command -v apt-get >/dev/null || fail "install ${packages[*]}: this is not Debian"
    [ "$(id -u)" = 0 ] || fail "only root can install ${packages[*]}"
    say "installing ${packages[*]}"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        "${packages[@]}" >"$1" 2>&1 || {
        tail -n 20 "$1" >&2
        fail "apt-get install failed, see above"
    }
}

start() {
    if answers; then
        say "an engine answers already"
        return
    fi
    [ "$(id -u)" = 0 ] || fail "no engine answers, and only root can start one"
    local messages
    messages=$(mktemp)
    install_missing "$messages"
    rm -f "$messages"
    # Installing may have started it.
    if answers; then
        say "the engine that was installed answers"
        return
    fi
    mkdir -p "$data" "$run"
    # No bridge: the nodes live on the host's loopback, and no rule of its firewall is touched.
    setsid --fork dockerd --host "${DOCKER_HOST:-unix:///var/run/docker.sock}" \
        --data-root "$data" --exec-root "$run/exec" --pidfile "$run/id" \
        --bridge none --iptables=false --ip6tables=false \
        </dev/null >>"$log" 2>&1
    for _ in $(seq 300); do
        if answers; then
            say "started"
            return
        fi
        sleep 0.2
    done
    tail -n 20 "$log" >&2
    stop
    fail "the engine does not answer within a minute, see above and $log"
}

stop() {
    local id
    if ! id=$(own); then
        say "there is none that was started here"
        return
    fi
    # Its containers end with it.
    kill "$id"
    for _ in $(seq 150); do
        if [ ! -d "/proc/$id" ]; then
            rm -f "$run/id"
            say "stopped"
            return
        fi
        sleep 0.2
    done
    fail "process $id does not end"
}

case ${1:-} in
start) start ;;
stop) stop ;;
status)
    if answers; then say "an engine answers"; else fail "no engine answers"; fi
    ;;
*)
    echo "usage: engine.sh start|stop|status" >&2
    exit 2
    ;;
esac
