#!/bin/bash
# Entry point of the built image: starts a Cassandra node from the variables that the image
# cassandra:5.0 knows too, with the same meaning and defaults. What is missing here of that image:
# its tools (nodetool, cqlsh), and any variable not named below.
set -euo pipefail

first_address() { hostname -I | cut -d ' ' -f 1; }

listen=${CASSANDRA_LISTEN_ADDRESS:-auto}
if [ "$listen" = auto ]; then listen=$(first_address); fi
broadcast=${CASSANDRA_BROADCAST_ADDRESS:-$listen}
if [ "$broadcast" = auto ]; then broadcast=$(first_address); fi

# Written anew at every start: the same container started again may have nothing left over.
configuration=/etc/cassandra/cassandra.yaml
sed -e "s|@CLUSTER_NAME@|${CASSANDRA_CLUSTER_NAME:-Test Cluster}|" \
    -e "s|@NUM_TOKENS@|${CASSANDRA_NUM_TOKENS:-16}|" \
    -e "s|@ENDPOINT_SNITCH@|${CASSANDRA_ENDPOINT_SNITCH:-SimpleSnitch}|" \
    -e "s|@SEEDS@|${CASSANDRA_SEEDS:-$broadcast}|" \
    -e "s|@LISTEN_ADDRESS@|$listen|" \
    -e "s|@BROADCAST_ADDRESS@|$broadcast|" \
    -e "s|@RPC_ADDRESS@|${CASSANDRA_RPC_ADDRESS:-0.0.0.0}|" \
    -e "s|@BROADCAST_RPC_ADDRESS@|${CASSANDRA_BROADCAST_RPC_ADDRESS:-$broadcast}|" \
    /opt/cassandra/cassandra.yaml >"$configuration"

heap=()
if [ -n "${MAX_HEAP_SIZE:-}" ]; then heap=("-Xms$MAX_HEAP_SIZE" "-Xmx$MAX_HEAP_SIZE"); fi

# What Cassandra reaches of the inside of a Java 17 runtime.
inside=()
for package in \
    java.base/{jdk.internal.misc,jdk.internal.ref,sun.nio.ch,java.lang.ref,java.lang.reflect} \
    java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/{sun.rmi.registry,sun.rmi.server} java.sql/java.sql jdk.unsupported/sun.misc; do
    inside+=(--add-exports "$package=ALL-UNNAMED")
done
for package in \
    java.base/{java.lang.module,jdk.internal.loader,jdk.internal.ref,jdk.internal.reflect} \
    java.base/{jdk.internal.math,jdk.internal.module,jdk.internal.util.jar,sun.nio.ch} \
    java.base/{java.io,java.nio,java.util,java.util.concurrent,java.util.concurrent.atomic} \
    java.base/java.lang jdk.management/com.sun.management.internal; do
    inside+=(--add-opens "$package=ALL-UNNAMED")
done

# The last options win, so those of the container do.
# shellcheck disable=SC2086  # JVM_EXTRA_OPTS holds many options
exec setpriv --reuid cassandra --regid cassandra --clear-groups \
    java -ea "${heap[@]}" -Xss512k -XX:+AlwaysPreTouch -XX:+ExitOnOutOfMemoryError \
    -XX:+PerfDisableSharedMem "${inside[@]}" \
    -Djdk.attach.allowAttachSelf=true -Djava.net.preferIPv4Stack=true \
    -Dio.netty.tryReflectionSetAccessible=true \
    -Dcassandra.config="file://$configuration" -Dcassandra.storagedir=/var/lib/cassandra \
    -Dcassandra-foreground=yes -Dlogback.configurationFile=file:///opt/cassandra/logback.xml \
    ${JVM_EXTRA_OPTS:-} \
    -cp '/opt/cassandra/lib/*' org.apache.cassandra.service.CassandraDaemon
