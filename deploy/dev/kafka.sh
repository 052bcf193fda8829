#!/usr/bin/env bash
# A real Apache Kafka on this machine, for development and for the integration tests: KRaft, one broker or three, each
# of them controller too. It needs java 17 or newer and, to fetch, mvn; nothing is installed outside the directory.
#
#   kafka.sh fetch             get the jars through Maven, once
#   kafka.sh start [1|3]       format and start a fresh cluster; returns when every broker is ready
#   kafka.sh kill N [SIGNAL]   end broker N (KILL unless named) and wait until it is gone
#   kafka.sh node N            start broker N again, with what it has on disk
#   kafka.sh stop              stop all brokers; their logs and data stay until the next start
#
# Each broker has a plaintext listener and one with TLS and SCRAM-SHA-512, for which the cluster makes a certificate and
# a user. ACLs are obeyed: everybody on the plaintext listener may do everything, and so may that user; other users may do
# nothing until somebody grants it. Clients find everything in the directory's run/:
#
#   run/brokers  run/secure    addresses of the two listeners, host:port with commas
#   run/ca.pem                 the certificate to trust
#   run/user  run/password     of the SCRAM user
#   run/N/kafka.log            what broker N says
#
# Environment:
#   KAFKA_DIR       where all of it lives (.kafka in the repository)
#   KAFKA_VERSION   4.4.0
#   KAFKA_PORT      first port; broker N takes three from PORT+3*(N-1): plaintext, secure, controller (29092)
#   KAFKA_HEAP      heap of a broker (512m)
#   KAFKA_WAIT      seconds that a start may take (120)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=${KAFKA_DIR:-$root/.kafka}
version=${KAFKA_VERSION:-4.4.0}
first_port=${KAFKA_PORT:-29092}
heap=${KAFKA_HEAP:-512m}
wait_seconds=${KAFKA_WAIT:-120}
run=$dir/run
user=onside
password=onside-secret # of a broker on loopback that lives for minutes

die() {
  echo "kafka.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '/^#   kafka.sh/s/^#  *//p' "${BASH_SOURCE[0]}" >&2
  exit 64
}

need_java() {
  local major
  command -v java > /dev/null || die "java is not on the PATH: install a JDK, 17 or newer"
  major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  [ "${major:-0}" -ge 17 ] || die "java is version ${major:-unknown}: Kafka $version needs 17 or newer"
}

need_number() {
  [[ ${1:-} =~ ^[1-9]$ ]] || die "want the number of a broker, have '${1:-}'"
}

port() { echo $((first_port + ($1 - 1) * 3 + $2)); } # port BROKER 0|1|2: plaintext, secure, controller

alive() { [ -s "$run/$1/pid" ] && kill -0 "$(cat "$run/$1/pid")" 2> /dev/null; }

nodes() { # the numbers of the brokers that were formatted
  local d
  for d in "$run"/[1-9]/; do [ ! -d "$d" ] || basename "$d"; done
}

list() { # list N 0|1: the addresses of a listener
  local i all=()
  for ((i = 1; i <= $1; i++)); do all+=("127.0.0.1:$(port "$i" "$2")"); done
  (IFS=, && echo "${all[*]}")
}

# --- fetch

fetch() {
  if [ -f "$dir/lib/kafka_2.13-$version.jar" ]; then
    return
  fi
  command -v mvn > /dev/null || die "mvn is not on the PATH: install Maven"
  need_java
  local new=$dir/lib.new
  rm -rf "$new" "${dir:?}/lib"
  mkdir -p "$new"
  cat > "$new/pom.xml" << EOF_POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>onside.dev</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
EOF_POM
  mvn -q -B -f "$new/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new" > "$dir/fetch.log" 2>&1 || {
    cat "$dir/fetch.log" >&2
    die "Maven could not fetch the jars of Kafka $version: without them nothing can be tested against a real broker"
  }
  [ -f "$new/kafka_2.13-$version.jar" ] || die "Maven fetched something else than kafka_2.13-$version.jar"
  mv "$new" "$dir/lib"
}

# --- start

kafka_java() { # kafka_java OPTIONS MAIN ARGS: replaces this shell
  exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -cp "$dir/lib/*" "$@"
}

certify() { # one self-signed certificate for all brokers: a client that trusts it checks the address too
  local store=$run/keystore.p12
  local key=(-keystore "$store" -storetype PKCS12 -storepass "$password" -alias broker)
  keytool -genkeypair "${key[@]}" -keyalg EC -groupname secp256r1 -validity 30 -dname CN=onside-dev \
    -ext san=ip:127.0.0.1,dns:localhost 2> /dev/null || die "keytool made no certificate"
  keytool -exportcert "${key[@]}" -rfc > "$run/ca.pem" 2> /dev/null || die "keytool gave no certificate"
}

configure() { # configure BROKER OF
  local i=$1 n=$2 k voters=() copies=1 in_sync=1
  for ((k = 1; k <= n; k++)); do voters+=("$k@127.0.0.1:$(port "$k" 2)"); done
  if [ "$n" -gt 1 ]; then copies=3 in_sync=2; fi
  mkdir -p "$run/$i"
  cat > "$run/$i/server.properties" << EOF_PROPERTIES
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$(IFS=, && echo "${voters[*]}")
listeners=PLAINTEXT://127.0.0.1:$(port "$i" 0),SECURE://127.0.0.1:$(port "$i" 1),CONTROLLER://127.0.0.1:$(port "$i" 2)
advertised.listeners=PLAINTEXT://127.0.0.1:$(port "$i" 0),SECURE://127.0.0.1:$(port "$i" 1)
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
# Who comes over plaintext, the brokers among them, is ANONYMOUS.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:$user
ssl.keystore.type=PKCS12
ssl.keystore.location=$run/keystore.p12
ssl.keystore.password=$password
log.dirs=$run/$i/data
auto.create.topics.enable=false
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$copies
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
# Kafka waits 9 s before it gives the partitions of a dead broker away, and 3 s for more members of a new group.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=500
EOF_PROPERTIES
}

format() { # format BROKER
  (kafka_java -Xmx64m kafka.tools.StorageTool format --cluster-id MkU3OEVBNTcwNTJENDM2Qk \
    --config "$run/$1/server.properties" --add-scram "SCRAM-SHA-512=[name=$user,password=$password]") \
    > "$run/$1/format.log" 2>&1 || {
    cat "$run/$1/format.log" >&2
    die "broker $1 could not be formatted"
  }
}

launch() { # launch BROKER: does not wait
  (cd "$run/$1" && kafka_java -Xms32m -Xmx"$heap" kafka.Kafka server.properties) \
    > "$run/$1/kafka.log" 2>&1 < /dev/null &
  echo $! > "$run/$1/pid"
}

await() { # await BROKER
  local deadline=$((SECONDS + wait_seconds))
  until grep -q 'Kafka Server started' "$run/$1/kafka.log"; do
    alive "$1" || fail_start "$1" "ended while it started"
    [ "$SECONDS" -lt "$deadline" ] || fail_start "$1" "is not ready after $wait_seconds s"
    sleep 0.2
  done
}

fail_start() {
  tail -n 30 "$run/$1/kafka.log" >&2
  die "broker $1 $2; see $run/$1/kafka.log"
}

start() {
  local n=$1 i waiting=()
  [ "$n" = 1 ] || [ "$n" = 3 ] || die "want 1 broker or 3, have '$n'"
  need_java
  fetch
  for i in $(nodes); do ! alive "$i" || die "broker $i runs already: kafka.sh stop"; done
  rm -rf "$run"
  mkdir -p "$run"
  certify
  for ((i = 1; i <= n; i++)); do
    configure "$i" "$n"
    format "$i" &
    waiting+=($!)
  done
  for i in "${waiting[@]}"; do wait "$i" || exit 1; done
  for ((i = 1; i <= n; i++)); do launch "$i"; done
  for ((i = 1; i <= n; i++)); do await "$i"; done
  list "$n" 1 > "$run/secure"
  echo "$user" > "$run/user"
  echo "$password" > "$run/password"
  list "$n" 0 | tee "$run/brokers"
}

# --- stop

end() { # end BROKER SIGNAL SECONDS: false when it is still there afterwards
  local pid deadline=$((SECONDS + $3))
  pid=$(cat "$run/$1/pid")
  kill -s "$2" "$pid" 2> /dev/null || true
  while kill -0 "$pid" 2> /dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
  rm -f "$run/$1/pid"
}

stop() {
  local i
  # All at once. The last of three has no quorum left to hand its work to and would wait for ever, hence KILL.
  for i in $(nodes); do ! alive "$i" || kill -s TERM "$(cat "$run/$i/pid")" 2> /dev/null || true; done
  for i in $(nodes); do
    ! alive "$i" || end "$i" TERM 5 || end "$i" KILL 30 || die "broker $i does not end"
    rm -f "$run/$i/pid"
  done
}

case ${1:-} in
  fetch) fetch ;;
  start) start "${2:-1}" ;;
  node)
    need_number "${2:-}"
    [ -f "$run/$2/server.properties" ] || die "there is no broker $2"
    ! alive "$2" || die "broker $2 runs already"
    launch "$2"
    await "$2"
    ;;
  kill)
    need_number "${2:-}"
    alive "$2" || die "broker $2 does not run"
    end "$2" "${3:-KILL}" 30 || die "broker $2 does not end"
    ;;
  stop) stop ;;
  *) usage ;;
esac
