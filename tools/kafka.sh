#!/usr/bin/env bash
# kafka.sh: Apache Kafka on loopback, one node or three (KRaft), for tests and for trying dogwatch with a broker.
#
#   tools/kafka.sh start [--nodes 1|3] [--secure] [--acl] [--behind]   brings Kafka (Maven, once), starts it, waits until it answers
#   tools/kafka.sh stop [NODE]                       all nodes, or one; with its data kept
#   tools/kafka.sh node N                            starts node N again
#   tools/kafka.sh certificate DAYS                  a new one for all nodes, with --secure; they take it when they start. -1: expired
#   tools/kafka.sh password TEXT                     another one for SASL/PLAIN; nodes take it when they start
#   tools/kafka.sh topic NAME [PARTITIONS]           makes a topic
#   tools/kafka.sh run CLASS ARGS...                 one of Kafka's own tools, e.g. org.apache.kafka.tools.TopicCommand
#   tools/kafka.sh clean                             stops all and removes the data
#
# Everything is below DW_KAFKA (default build/kafka). Listeners of node N: 127.0.0.1:(19092 + 10 N); with --secure also TLS with
# SASL (PLAIN; SCRAM for dogwatch) on :(19093 + 10 N), users dogwatch, dogwatch-agent, dogwatch-collector, password in DW_KAFKA/password,
# CA in DW_KAFKA/tls/ca.pem. DW_KAFKA_PORT moves them.
# With --acl users of SASL may do what ACLs allow and no more (org.apache.kafka.tools.AclCommand); the other listener may do all.
# With --behind each node has a further listener on :(19095 + 10 N) that calls itself :(19096 + 10 N), where a proxy is to stand.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
home=${DW_KAFKA:-$here/build/kafka}
base=${DW_KAFKA_PORT:-19092}
jars=${DW_KAFKA_JARS:-$here/build/kafka-jars}
password_file=$home/password

say() { echo "kafka.sh: $*" >&2; }
port() { echo $((base + 10 * ($1 - 1) + $2)); } # 0 plain, 1 TLS and SASL, 2 controller, 3 behind a proxy on 4
bootstrap() { for n in $(seq "$(cat "$home/nodes")"); do printf '%s127.0.0.1:%s' "${sep:-}" "$(port "$n" 0)"; sep=,; done; }

bring() {
  [ -s "$jars/.complete" ] && return
  say "bringing Apache Kafka through Maven (about 45 MB, once)"
  "$here/tools/deps.sh" kafka
  mkdir -p "$jars"
  mvn -q -B -f "$here/tools/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" >&2 ||
    { say "Apache Kafka cannot be brought: Maven finds no repository that has it"; exit 4; }
  cat > "$jars/log4j2.properties" <<'L'
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
L
  echo yes > "$jars/.complete"
}

run_java() { # CLASS ARGS: in the foreground
  exec java -Xmx384m -Xshare:auto -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="file:$jars/log4j2.properties" -cp "$jars/*" "$@"
}

make_certificates() { # DAYS
  mkdir -p "$home/tls"
  (
    cd "$home/tls"
    [ -s ca.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -subj '/CN=dogwatch test CA' 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -keyout node.key -out node.csr -subj '/CN=localhost' 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > ext
    openssl x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days "$1" -extfile ext -out node.pem 2>/dev/null
    openssl pkcs12 -export -in node.pem -inkey node.key -certfile ca.pem -out node.p12 -passout pass:dogwatch
  )
}

plain_users() { for u in dogwatch dogwatch-agent dogwatch-collector; do printf 'user_%s="%s" ' "$u" "$1"; done; }

set_password() {
  local f
  for f in "$home"/node-*/server.properties; do
    sed -i "s|\\(PlainLoginModule required \\).*|\\1$(plain_users "$1");|" "$f"
  done
  (umask 077 && echo "$1" > "$password_file")
}

write_node() { # N NODES SECURE ACL BEHIND
  local n=$1 nodes=$2 dir=$home/node-$1 voters='' listeners advertised
  for v in $(seq "$nodes"); do voters+="${voters:+,}$v@127.0.0.1:$(port "$v" 2)"; done
  listeners="PLAINTEXT://127.0.0.1:$(port "$n" 0),CONTROLLER://127.0.0.1:$(port "$n" 2)"
  advertised="PLAINTEXT://127.0.0.1:$(port "$n" 0)"
  [ "$3" = yes ] && listeners+=",SASL_SSL://127.0.0.1:$(port "$n" 1)" && advertised+=",SASL_SSL://localhost:$(port "$n" 1)"
  [ "$5" = yes ] && listeners+=",BEHIND://127.0.0.1:$(port "$n" 3)" && advertised+=",BEHIND://127.0.0.1:$(port "$n" 4)"
  local copies=$((nodes < 3 ? 1 : 3)) least=$((nodes < 3 ? 1 : 2))
  mkdir -p "$dir"
  cat > "$dir/server.properties" <<P
node.id=$n
process.roles=broker,controller
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=$listeners
advertised.listeners=$advertised
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,BEHIND:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=${DW_KAFKA_AUTO_CREATE:-false}
num.partitions=4
default.replication.factor=$copies
min.insync.replicas=$least
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$copies
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$least
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=2000
broker.session.timeout.ms=6000
controlled.shutdown.enable=true
P
  [ "$4" = yes ] && cat >> "$dir/server.properties" <<P
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
P
  [ "$3" = yes ] || return 0
  cat >> "$dir/server.properties" <<P
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
ssl.keystore.location=$home/tls/node.p12
ssl.keystore.password=dogwatch
ssl.keystore.type=PKCS12
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required $(plain_users "$(cat "$password_file")");
P
}

alive() { [ -s "$home/node-$1/pid" ] && kill -0 "$(cat "$home/node-$1/pid")" 2>/dev/null; }

start_node() {
  alive "$1" && return
  (run_java kafka.Kafka "$home/node-$1/server.properties") > "$home/node-$1/log" 2>&1 < /dev/null &
  echo $! > "$home/node-$1/pid"
}

# Until every node's port takes connections and the first answers for all; a bound, not a sleep.
wait_ready() {
  local nodes=$1 n
  for n in $(seq "$nodes"); do
    for _ in $(seq 600); do
      alive "$n" || { say "node $n ended; the end of $home/node-$n/log:"; tail -5 "$home/node-$n/log" >&2; exit 3; }
      (exec 3<> "/dev/tcp/127.0.0.1/$(port "$n" 0)") 2>/dev/null && continue 2
      sleep 0.1
    done
    say "node $n does not answer after a minute: $home/node-$n/log"
    exit 3
  done
}

start() {
  local nodes=1 secure=no acl=no behind=no id
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes) nodes=$2; shift 2 ;;
      --secure) secure=yes; shift ;;
      --acl) acl=yes; shift ;;
      --behind) behind=yes; shift ;;
      *) usage ;;
    esac
  done
  [ "$nodes" = 1 ] || [ "$nodes" = 3 ] || usage
  bring
  mkdir -p "$home"
  if [ ! -s "$home/nodes" ]; then
    head -c 12 /dev/urandom | base64 | tr '+/' 'ab' > "$password_file"
    chmod 600 "$password_file"
    [ "$secure" = yes ] && make_certificates 3650
    id=$(java -cp "$jars/*" kafka.tools.StorageTool random-uuid 2>/dev/null | tail -1)
    for n in $(seq "$nodes"); do
      write_node "$n" "$nodes" "$secure" "$acl" "$behind"
      scram=()
      if [ "$secure" = yes ]; then
        for m in 256 512; do scram+=(--add-scram "SCRAM-SHA-$m=[name=dogwatch,password=$(cat "$password_file")]"); done
      fi
      java -cp "$jars/*" kafka.tools.StorageTool format -t "$id" -c "$home/node-$n/server.properties" --ignore-formatted "${scram[@]}" \
        > "$home/node-$n/format.log" 2>&1 || { say "node $n cannot be formatted:"; tail -3 "$home/node-$n/format.log" >&2; exit 3; }
    done
    echo "$nodes" > "$home/nodes"
  fi
  nodes=$(cat "$home/nodes")
  for n in $(seq "$nodes"); do start_node "$n"; done
  wait_ready "$nodes"
  echo "brokers: $(bootstrap)"
  [ -d "$home/tls" ] && echo "TLS and SASL: localhost:$(port 1 1), user dogwatch, password in $password_file, CA in $home/tls/ca.pem"
  return 0
}

stop_node() {
  local pid
  alive "$1" || return 0
  pid=$(cat "$home/node-$1/pid")
  kill "${2:--TERM}" "$pid" 2>/dev/null || true
  for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$home/node-$1/pid"
}

usage() { sed -n '3,19p' "$0" | cut -c3- >&2; exit 2; }

case ${1:-} in
  start) shift; start "$@" ;;
  stop)
    if [ -n "${2:-}" ]; then stop_node "$2" -KILL; else for n in 1 2 3; do stop_node "$n" & done; wait; fi ;;
  node) [ -n "${2:-}" ] || usage; start_node "$2" ;;
  password) [ -n "${2:-}" ] || usage; set_password "$2" ;;
  certificate) [ -n "${2:-}" ] || usage; make_certificates "$2" ;;
  topic)
    [ -n "${2:-}" ] || usage
    run_java org.apache.kafka.tools.TopicCommand --bootstrap-server "$(bootstrap)" --create --if-not-exists --topic "$2" --partitions "${3:-4}" ;;
  run) shift; [ $# -gt 0 ] || usage; run_java "$@" ;;
  clean) for n in 1 2 3; do stop_node "$n" -KILL; done; rm -rf "$home" ;;
  *) usage ;;
esac
