#!/usr/bin/env bash
# Prints the commands that give the worker's user the rights it needs in Kafka, one a line, for somebody who may grant them:
#
#   deploy/kafka-acls.sh | sh                 for delivery: at_least_once
#   deploy/kafka-acls.sh exactly_once | sh    for delivery: exactly_once
#
# Environment, with the defaults of the worker where it has one:
#   KAFKA_ACLS      the tool of Apache Kafka, and its options: kafka-acls.sh --command-config admin.properties
#   BROKERS         127.0.0.1:9092
#   PRINCIPAL       User:onside
#   GROUP           kafka.group: onside
#   EVENTS FLAGS REMINDERS DEAD_LETTERS
#                   kafka.topics: chat.messages, review.flags, chat.reminders, chat.dead-letters
#   OLD_BROKERS     yes for brokers before Kafka 2.8: IDEMPOTENT_WRITE on the cluster too, for delivery: at_least_once
#   ZOOKEEPER       yes for brokers that keep ACLs in ZooKeeper, which takes no name that ends in a slash: the transactional ids are
#                   those that begin with the group's name, of other groups too
#
# READ and WRITE include DESCRIBE, and WRITE on a topic includes the idempotent producer (from Kafka 2.8 on). The topics must
# be there: worker run --create-topics needs more than this.
set -euo pipefail

tool=${KAFKA_ACLS:-kafka-acls.sh}
brokers=${BROKERS:-127.0.0.1:9092}
principal=${PRINCIPAL:-User:onside}
group=${GROUP:-onside}

grant() { # grant OPERATION RESOURCE...
  printf '%s --bootstrap-server %q --add --allow-principal %q --operation' "$tool" "$brokers" "$principal"
  printf ' %q' "$@"
  echo
}

delivery=${1:-at_least_once}
case $delivery in
  at_least_once | exactly_once) ;;
  *) echo "kafka-acls.sh: want at_least_once or exactly_once, have '$delivery'" >&2 && exit 64 ;;
esac

grant Read --topic "${EVENTS:-chat.messages}"
grant Write --topic "${FLAGS:-review.flags}"
grant Write --topic "${REMINDERS:-chat.reminders}"
grant Write --topic "${DEAD_LETTERS:-chat.dead-letters}"
grant Read --group "$group" # to join it, and to commit
if [ "$delivery" = exactly_once ]; then
  slash=/
  [ "${ZOOKEEPER:-no}" != yes ] || slash=
  grant Write --transactional-id "$group$slash" --resource-pattern-type prefixed # one a partition: group/topic/partition
elif [ "${OLD_BROKERS:-no}" = yes ]; then
  grant IdempotentWrite --cluster
fi
