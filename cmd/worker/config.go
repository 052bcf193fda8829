package main

import (
	"time"

	"onside/internal/classify"
)

// config is everything that can be configured, with the names of the file. The tags doc and oneof make the reference (worker check
// --print-config) and, for oneof, the check; a field with kind "file" names a file to read.
type config struct {
	Kafka        kafkaConfig   `yaml:"kafka" doc:"Where events come from and flags go."`
	Events       eventsConfig  `yaml:"events" doc:"Where the parts of an event stand in its JSON, as JSON pointers; another topic than ours needs no change, only other pointers. CloudEvents envelopes are recognised while none is given."`
	Redis        redisConfig   `yaml:"redis" doc:"What is remembered: who published which flag, and what a conversation has said so far. Without Redis flags are still published, marked unverified."`
	Delivery     string        `yaml:"delivery" oneof:"at_least_once,exactly_once" doc:"What a consumer of the output sees after a crash. at_least_once: nothing is lost, and what was published and not yet committed comes again under the same id. exactly_once: what came of a batch and the position behind it are one Kafka transaction, so that a consumer with isolation.level=read_committed sees each record once, some milliseconds later. It needs Kafka 2.5, and WRITE on transactional ids that begin with the group's name and a slash."`
	Policy       string        `yaml:"policy" kind:"file" doc:"Policy file. Empty: the policy in the binary (worker check --print-policy)."`
	SecondReader string        `yaml:"second_reader" oneof:"off,auto,always" doc:"Which messages a second model reads again, with the three before them; it takes a few milliseconds each. auto: those that the first is in doubt about; always: all that hold anything. How many are read of a conversation is bounded."`
	Evidence     string        `yaml:"evidence" oneof:"full,masked,none" doc:"How much of a contact a flag shows."`
	Admin        adminConfig   `yaml:"admin" doc:"Metrics and health over HTTP."`
	DrainTimeout time.Duration `yaml:"drain_timeout" doc:"How long work in hand may take to finish after SIGTERM. A second SIGTERM ends the process at once."`
	Log          logConfig     `yaml:"log" doc:"JSON lines on standard error. They never carry the text of a message."`
}

type kafkaConfig struct {
	Brokers []string     `yaml:"brokers" doc:"Addresses to start from, host:port; a list, or one string with commas."`
	Group   string       `yaml:"group" doc:"Consumer group: workers with the same one share the partitions."`
	Topics  topicsConfig `yaml:"topics" doc:"Names of the topics."`
	Create  createConfig `yaml:"create" doc:"Topics that are missing, when worker run is given --create-topics."`
	TLS     tlsConfig    `yaml:"tls"`
	SASL    saslConfig   `yaml:"sasl"`

	SessionTimeout    time.Duration `yaml:"session_timeout" doc:"How long a silent worker keeps its partitions."`
	RebalanceTimeout  time.Duration `yaml:"rebalance_timeout" doc:"How long the group waits for a worker when it shares the partitions anew."`
	HeartbeatInterval time.Duration `yaml:"heartbeat_interval" doc:"How soon a worker learns that the partitions are shared anew; until the last one has, those of a worker that has left are nobody's."`
	JoinGroupBackoff  time.Duration `yaml:"join_group_backoff" doc:"Pause before joining again after an error."`
	WatchInterval     time.Duration `yaml:"watch_interval" doc:"How often new partitions are looked for."`
	CommitInterval    time.Duration `yaml:"commit_interval" doc:"How often offsets are committed; what lies behind the last commit is read again after a crash. With delivery exactly_once: how often those are that nothing was published for."`
	FetchWait         time.Duration `yaml:"fetch_wait" doc:"How long a broker may hold a fetch that finds nothing."`

	TransactionTimeout time.Duration `yaml:"transaction_timeout" doc:"With delivery exactly_once: how long a transaction may be open, and so how long a worker that dies may hold up consumers with isolation.level=read_committed if no other takes its partitions. At most the broker's transaction.max.timeout.ms."`

	MaxBatchBytes        size   `yaml:"max_batch_bytes" doc:"What a partition yields per fetch, and works on at a time."`
	MaxRecordBytes       size   `yaml:"max_record_bytes" doc:"A longer event becomes a dead letter."`
	MaxDecompressedBytes size   `yaml:"max_decompressed_bytes" doc:"A record batch that unpacks to more becomes a dead letter."`
	OutOfRange           string `yaml:"out_of_range" oneof:"earliest,latest,fail" doc:"Where to go on when the committed position is no longer in the log."`
}

type topicsConfig struct {
	Events      string `yaml:"events"`
	Flags       string `yaml:"flags"`
	Reminders   string `yaml:"reminders"`
	DeadLetters string `yaml:"dead_letters" doc:"Events that cannot be read, byte for byte, with a code."`
}

type createConfig struct {
	Partitions  int `yaml:"partitions" doc:"Of each topic. 0: the broker's default."`
	Replication int `yaml:"replication" doc:"Copies of each partition. 0: the broker's default."`
	MinInSync   int `yaml:"min_in_sync" doc:"Copies that must have a record before it is acknowledged. 0: the broker's default."`
}

type tlsConfig struct {
	Enabled    bool   `yaml:"enabled"`
	CAFile     string `yaml:"ca_file" kind:"file" doc:"Certificates to trust, PEM. Empty: those of the system."`
	CertFile   string `yaml:"cert_file" kind:"file" doc:"Our own certificate, PEM, for mTLS; with key_file."`
	KeyFile    string `yaml:"key_file" kind:"file"`
	ServerName string `yaml:"server_name" doc:"Name to expect in the server's certificate. Empty: that of its address."`
}

type saslConfig struct {
	Mechanism    string `yaml:"mechanism" oneof:"none,plain,scram-sha-256,scram-sha-512"`
	Username     string `yaml:"username"`
	Password     string `yaml:"password" doc:"Better in a file, or from the environment: ${KAFKA_PASSWORD}"`
	PasswordFile string `yaml:"password_file" kind:"file"`
}

type redisConfig struct {
	Mode                 string    `yaml:"mode" oneof:"single,cluster,sentinel"`
	Addresses            []string  `yaml:"addresses" doc:"host:port; of the server, of some nodes of the cluster, or of the sentinels. A list, or one string with commas."`
	Master               string    `yaml:"master" doc:"Name of the master, for the sentinels."`
	Database             int       `yaml:"database" doc:"0 with a cluster."`
	Username             string    `yaml:"username" doc:"ACL user; deploy/redis-users.acl, or for a cluster deploy/redis-users-cluster.acl, grants what it needs: SET, HSET, HGETALL, HDEL, PEXPIRE, MULTI and EXEC, with second_key_file GET and PTTL, of a cluster CLUSTER SLOTS and ASKING, and INFO so that the worker can warn of a Redis that evicts."`
	Password             string    `yaml:"password"`
	PasswordFile         string    `yaml:"password_file" kind:"file"`
	SentinelUsername     string    `yaml:"sentinel_username" doc:"ACL user of the sentinels, where they have any; deploy/redis-users-sentinel.acl grants what it needs."`
	SentinelPassword     string    `yaml:"sentinel_password"`
	SentinelPasswordFile string    `yaml:"sentinel_password_file" kind:"file"`
	TLS                  tlsConfig `yaml:"tls"`
	KeyFile              string    `yaml:"key_file" kind:"file" doc:"Secret of at least 16 bytes that hashes conversations and contacts in keys and fingerprints; the same for all workers. Empty: a public one, so a copy of the keys can be tried against known numbers."`
	SecondKeyFile        string    `yaml:"second_key_file" kind:"file" doc:"Another such secret, while key_file is being changed: claims and history that are kept under it count too. docs/DELIVERY.md has the steps."`

	Timeout     time.Duration `yaml:"timeout" doc:"Of connecting, of writing and of reading one answer."`
	PoolSize    int           `yaml:"pool_size" doc:"Connections per server."`
	ClaimWindow time.Duration `yaml:"claim_window" doc:"For how long the same finding in the same conversation is a duplicate."`
	HistoryTTL  time.Duration `yaml:"history_ttl" doc:"For how long a silent conversation is remembered."`
	Breaker     breakerConfig `yaml:"breaker" doc:"When Redis does not answer: how soon to stop asking, and when to ask again. With a cluster each node has its own."`
}

type breakerConfig struct {
	Failures     int           `yaml:"failures" doc:"So many in a row open it."`
	ProbeEvery   time.Duration `yaml:"probe_every" doc:"While it is open, one request in this time is let through."`
	ProbeTimeout time.Duration `yaml:"probe_timeout" doc:"How long that one may take, and any other from the first failure to the next answer."`
}

type adminConfig struct {
	Listen string `yaml:"listen" doc:"/metrics, /livez, /readyz, and /debug/pprof where the address is loopback. Empty: none."`
}

type logConfig struct {
	Level string `yaml:"level" oneof:"debug,info,warn,error"`
}

// eventsConfig is empty where an event looks as documented.
type eventsConfig struct {
	EventID        string `yaml:"event_id" doc:"Empty: /event_id"`
	ConversationID string `yaml:"conversation_id" doc:"Empty: /conversation_id"`
	MessageID      string `yaml:"message_id" doc:"Empty: /message_id"`
	Type           string `yaml:"type" doc:"Empty: /type"`
	SentAt         string `yaml:"sent_at" doc:"Empty: /sent_at"`
	SenderID       string `yaml:"sender_id" doc:"Empty: /sender/id"`
	SenderRole     string `yaml:"sender_role" doc:"Empty: /sender/role"`
	Stage          string `yaml:"stage" doc:"Empty: /contract/stage"`
	Lang           string `yaml:"lang" doc:"Empty: /lang"`
	Text           string `yaml:"text" doc:"Empty: /text"`
}

// rereadings are the words of config.SecondReader.
var rereadings = map[string]classify.Rereading{"off": classify.RereadNone, "auto": classify.RereadDoubtful, "always": classify.RereadAll}

// The words of config.Delivery.
const (
	atLeastOnce = "at_least_once"
	exactlyOnce = "exactly_once"
)

// defaultConfig works with a Kafka and a Redis on this machine.
func defaultConfig() config {
	return config{
		Kafka: kafkaConfig{
			Brokers: []string{"127.0.0.1:9092"},
			Group:   "onside",
			Topics: topicsConfig{
				Events: "chat.messages", Flags: "review.flags", Reminders: "chat.reminders", DeadLetters: "chat.dead-letters",
			},
			Create:               createConfig{Partitions: 12},
			SASL:                 saslConfig{Mechanism: "none"},
			SessionTimeout:       30 * time.Second,
			RebalanceTimeout:     4 * time.Second,
			HeartbeatInterval:    300 * time.Millisecond,
			JoinGroupBackoff:     500 * time.Millisecond,
			WatchInterval:        5 * time.Second,
			CommitInterval:       500 * time.Millisecond,
			FetchWait:            250 * time.Millisecond,
			TransactionTimeout:   15 * time.Second,
			MaxBatchBytes:        1 << 20,
			MaxRecordBytes:       1 << 20,
			MaxDecompressedBytes: 64 << 20,
			OutOfRange:           "earliest",
		},
		Redis: redisConfig{
			Mode:        "single",
			Addresses:   []string{"127.0.0.1:6379"},
			Timeout:     250 * time.Millisecond,
			PoolSize:    16,
			ClaimWindow: 24 * time.Hour,
			HistoryTTL:  14 * 24 * time.Hour,
			Breaker:     breakerConfig{Failures: 3, ProbeEvery: 500 * time.Millisecond, ProbeTimeout: 50 * time.Millisecond},
		},
		Delivery:     atLeastOnce,
		SecondReader: "auto",
		Evidence:     "masked",
		Admin:        adminConfig{Listen: "127.0.0.1:9464"},
		DrainTimeout: 10 * time.Second,
		Log:          logConfig{Level: "info"},
	}
}
