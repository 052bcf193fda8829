package source

// Code says why a record has no message. The list is closed; the words are part of the dead letter's contract.
type Code string

// Faults of one event.
const (
	CodeNull         Code = "value_null"              // the record has no value
	CodeTooLarge     Code = "record_too_large"        // longer than MaxRecordBytes
	CodeUTF8         Code = "utf8_invalid"            // not UTF-8 throughout
	CodeJSON         Code = "json_invalid"            // not exactly one JSON object
	CodeDepth        Code = "json_too_deep"           // nested deeper than MaxDepth
	CodeDuplicate    Code = "key_duplicate"           // a key that is read occurs twice
	CodeFieldType    Code = "field_type"              // a field that is read has another JSON type
	CodeEventID      Code = "event_id_missing"        // missing, null or empty
	CodeConversation Code = "conversation_id_missing" // missing, null or empty
	CodeText         Code = "text_missing"            // missing or null, in an event that is not a deletion
	CodeType         Code = "type_unknown"            // neither created, edited nor deleted
	CodeStage        Code = "stage_unknown"           // neither pre_contract, active nor ended
)

// Faults of a record batch: its records cannot be told apart, so one Record stands for all of them.
const (
	CodeBatch         Code = "batch_malformed"        // its structure does not hold
	CodeCRC           Code = "batch_crc_mismatch"     // damaged, also when fetched again
	CodeMagic         Code = "batch_format_old"       // a message set from before Kafka 0.11
	CodeBatchTooLarge Code = "batch_too_large"        // larger than memory is set aside for
	CodeCodec         Code = "batch_codec_unknown"    // compressed with something unknown
	CodeDecompress    Code = "batch_decompress"       // its compressed bytes are not what its codec writes
	CodeBomb          Code = "batch_decompress_large" // unpacks to more than MaxDecompressedBytes
)
