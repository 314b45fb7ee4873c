#!/usr/bin/env bash
# Builds an image that serves where cassandra:5.0 cannot be pulled: a minimal Debian with Java, from
# the mirror that apt uses, and Cassandra's jars, from the repository that Maven uses.
#
#     build.sh           build it unless it is there; prints its name
#     build.sh --name    print the name it has, and build nothing
#
# Needs root on Debian, debootstrap, mvn and a container engine. The name carries a digest of this
# folder, so a changed folder makes a new image, and one build serves until then.
# DEBIAN_MIRROR replaces apt's mirror. Messages go to stderr.
set -euo pipefail
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release=bookworm # the newest with a Java that Cassandra 5.0 supports
sources=(build.sh start-node.sh cassandra.yaml logback.xml pom.xml)

name=poolsim-cassandra:$(cd "$folder" && sha256sum "${sources[@]}" | sha256sum | cut -c 1-16)
case ${1:-} in
'') ;;
--name)
    echo "$name"
    exit
    ;;
*)
    echo "usage: build.sh [--name]" >&2
    exit 2
    ;;
esac

say() { echo "image: $*" >&2; }
fail() {
    say "$*"
    exit 6
}

is_there() { docker image inspect "$name" >/dev/null 2>&1; }

for program in docker debootstrap mvn; do
    command -v "$program" >/dev/null || fail "there is no $program on PATH"
done
docker info >/dev/null 2>&1 || fail "no container engine answers"
if is_there; then
    echo "$name"
    exit
fi
[ "$(id -u)" = 0 ] || fail "only root can build it"

# One build at a time; the lock goes with this process, however it ends.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/poolsim/image
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if is_there; then
    echo "$name"
    exit
fi

# In a mount namespace of its own, debootstrap's mounts vanish with it even when it is killed, so
# what a killed build left behind can be removed safely.
rm -rf "$cache"/building-*
work=$(mktemp -d "$cache/building-XXXXXX")
trap 'rm -rf "$work"' EXIT

# The mirror of this system's own release, or of one named by its state ("stable"); neither those of
# updates nor those of other vendors.
mirror=${DEBIAN_MIRROR:-}
if [ -z "$mirror" ] && [ "$(. /etc/os-release && echo "$ID")" = debian ]; then
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT) $(CREATED_BY)' |
        awk -v codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" '
            $3 == "main" && $4 == "Packages" && ($2 == codename || $2 ~ /^(oldoldstable|oldstable|stable|testing|unstable|sid)$/) && !found++ { print $1 }')
fi
[ -n "$mirror" ] || fail "apt names no Debian mirror here: name one in DEBIAN_MIRROR"

say "Debian with Java, by debootstrap (a minute)"
unshare --mount --pid --fork --kill-child --mount-proc \
    debootstrap --variant=minbase \
    --include=openjdk-17-jre-headless \
    "$release" "$work/root" "$mirror" >"$work/log" 2>&1 9>&- || {
    tail -n 20 "$work/log" "$work/root/debootstrap/debootstrap.log" >&2 || true
    fail "debootstrap failed, see above"
}

say "Cassandra's jars, by Maven"
node=$work/root/opt/cassandra
mkdir -p "$node"
mvn --batch-mode --quiet --file "$folder/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$node/lib" >"$work/log" 2>&1 9>&- || {
    tail -n 20 "$work/log" >&2
    fail "mvn failed, see above"
}
# Native libraries for other systems; the names of Linux's own end otherwise.
rm -f "$node"/lib/*-{osx,windows}-*.jar

install -m 755 "$folder/start-node.sh" "$node/start-node.sh"
install -m 644 "$folder/cassandra.yaml" "$folder/logback.xml" "$node/"
chroot "$work/root" useradd --system --uid 999 --home-dir /var/lib/cassandra cassandra
for place in var/lib/cassandra etc/cassandra; do
    install -d -o 999 -g 999 -m 755 "$work/root/$place"
done
rm -rf "$work"/root/var/cache/apt/* "$work"/root/var/lib/apt/lists/* "$work"/root/var/log/*

say "import it"
tar -C "$work/root" -c . |
    docker import \
        --change 'ENTRYPOINT ["/opt/cassandra/start-node.sh"]' \
        --change 'EXPOSE 7000 9042' \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
        --change 'LABEL poolsim.image=1' \
        - "$name" >/dev/null
echo "$name"
