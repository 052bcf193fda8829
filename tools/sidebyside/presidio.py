"""Presidio's recognisers of e-mail addresses, telephone numbers and URLs over every message, for worker bench --against tools/sidebyside/presidio.sh.

With a blank spaCy model, as these recognisers need no more: a trained one would only cost time. It matches and no more: nothing is claimed or
published.
"""

import json
import os

import spacy
from kafka import KafkaConsumer, TopicPartition
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine

ENTITIES = ["EMAIL_ADDRESS", "PHONE_NUMBER", "URL"]
THRESHOLD = 0.4


class Blank(SpacyNlpEngine):
    def __init__(self):
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}


def events(count):
    consumer = KafkaConsumer(
        bootstrap_servers=os.environ["ONSIDE_BROKERS"].split(","),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    topic = os.environ["ONSIDE_EVENTS"]
    consumer.assign([TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)])
    consumer.seek_to_beginning()
    while count > 0:
        for records in consumer.poll(timeout_ms=1000, max_records=min(500, count)).values():
            for record in records:
                yield json.loads(record.value)
                count -= 1
    consumer.close()


def main():
    analyzer = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
    analyzer.analyze("warm up: ann@example.org, +44 20 7946 0958", "en", entities=ENTITIES)
    first = True
    for event in events(int(os.environ["ONSIDE_COUNT"])):
        if first:
            print("ready Presidio 2.2.366, matching only", flush=True)
            first = False
        if analyzer.analyze(event["text"], "en", entities=ENTITIES, score_threshold=THRESHOLD):
            print("found", event["event_id"])
    print("done", flush=True)


main()
